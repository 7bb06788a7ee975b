export { RelatedList } from './RelatedList';
export { SeriesPage, type SeriesView } from './SeriesPage';
