export { answer, client, csrfHeader, rememberCsrfToken } from './client';
export { asProblem, offline, Problem, type ProblemDetails, problemOf } from './problem';
export type * from './types';
