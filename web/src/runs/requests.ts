import { queryOptions } from '@tanstack/react-query';
import { answer, client } from '~/api';
import { type RunStateName, stateStyle } from './states';

/** How often something that is at work is asked for. */
const LIVE_MILLISECONDS = 1500;
/** How often a list in which nothing works is asked for. */
const CALM_MILLISECONDS = 10_000;

export interface RunsFilter {
  state?: RunStateName | undefined;
  workflow?: string | undefined;
  limit?: number;
}

export const runsQuery = (project: string, filter: RunsFilter = {}) =>
  queryOptions({
    queryKey: ['project', project, 'runs', filter],
    queryFn: () =>
      answer(
        client.GET('/api/projects/{project}/runs', { params: { path: { project }, query: { limit: 100, ...filter } } }),
      ),
    refetchInterval: ({ state }) =>
      state.data?.items.some((run) => stateStyle(run.state).isLive) ? LIVE_MILLISECONDS : CALM_MILLISECONDS,
  });

export const runQuery = (project: string, run: string) =>
  queryOptions({
    queryKey: ['project', project, 'run', run],
    queryFn: () => answer(client.GET('/api/projects/{project}/runs/{run}', { params: { path: { project, run } } })),
    refetchInterval: ({ state }) => (state.data && stateStyle(state.data.state).isLive ? LIVE_MILLISECONDS : false),
  });

/** What can be done with a run; each gives the run to look at afterwards. */
export const ACTS = {
  cancel: (path: RunPath) => answer(client.POST('/api/projects/{project}/runs/{run}/cancel', { params: { path } })),
  resume: (path: RunPath) => answer(client.POST('/api/projects/{project}/runs/{run}/resume', { params: { path } })),
  repeat: (path: RunPath) => answer(client.POST('/api/projects/{project}/runs/{run}/repeat', { params: { path } })),
};

interface RunPath {
  project: string;
  run: string;
}

export const readLog = (place: LogPlace, offset: number) =>
  answer(
    client.GET('/api/projects/{project}/runs/{run}/tasks/{task}/attempts/{number}/log', {
      params: { path: { ...place }, query: { offset } },
    }),
  );

export interface LogPlace {
  project: string;
  run: string;
  task: string;
  number: number;
}

export const recordUrl = (project: string, run: string): string =>
  `/api/projects/${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}/record`;
