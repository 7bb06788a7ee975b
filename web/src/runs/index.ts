export { type Measurement, measurementsOf, writeValue } from './measurements';
export { RunPage, type RunView } from './RunPage';
export { RunsPage } from './RunsPage';
export { type RunsFilter, runsQuery } from './requests';
export { StateMark } from './StateMark';
export { stateStyle } from './states';
