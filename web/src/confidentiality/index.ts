export { ConfidentialityPage } from './ConfidentialityPage';
