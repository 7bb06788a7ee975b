export { answer, client, csrfHeader, rememberCsrfToken } from './client';
export { pendingClient } from './pending';
export { asProblem, offline, Problem, type ProblemDetails, problemOf } from './problem';
export type * from './types';
