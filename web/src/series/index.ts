export { SeriesPage, type SeriesView } from './SeriesPage';
