export { OrderButton } from './OrderButton';
export type { WorkitemsFilter } from './requests';
export { WorkitemPage } from './WorkitemPage';
export { WorkitemsPage } from './WorkitemsPage';
