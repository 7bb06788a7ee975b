export { type Choice, keepChoice, readChoice } from './choice';
export { DatasetsPage } from './DatasetsPage';
export { Picture } from './Picture';
export { QuarantinePage } from './QuarantinePage';
export { datasetsQuery, recentSeriesQuery, type SeriesWhere } from './requests';
export { TrashPage } from './TrashPage';
