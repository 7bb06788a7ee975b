export { Age } from './Age';
export { CommandLine, CopyText } from './CopyText';
export { EmptyState } from './EmptyState';
export { age, count, counted, date, duration, exact, middle, personName, size } from './format';
export { Mark } from './Mark';
export { PageHeader } from './PageHeader';
export { ProblemLine, ProblemView } from './ProblemView';
export { ValidationMark } from './ValidationMark';
export { badgeStyle } from './validation';
