export { workflowsQuery } from './requests';
export { WorkflowPage, type WorkflowView } from './WorkflowPage';
export { WorkflowsPage } from './WorkflowsPage';
