export type { Kind } from './requests';
export { SendMenu } from './SendMenu';
export { TransferPage } from './TransferPage';
export { TransfersPage } from './TransfersPage';
