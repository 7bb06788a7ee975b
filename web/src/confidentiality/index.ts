export { Choice } from './Choice';
export { ConfidentialityPage } from './ConfidentialityPage';
export { KeptChoice } from './KeptChoice';
export { DATES, PIXELS } from './options';
export { confidentialityQuery } from './requests';
export { profileWords } from './words';
