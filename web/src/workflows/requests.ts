import { queryOptions } from '@tanstack/react-query';
import { answer, client, type DataRequest } from '~/api';

export const workflowsQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'workflows'],
    queryFn: () => answer(client.GET('/api/projects/{project}/workflows', { params: { path: { project } } })),
    refetchInterval: ({ state }) => (state.data?.items.some((one) => one.state === 'building') ? 2000 : false),
  });

export const workflowQuery = (project: string, extension: string, workflow: string) =>
  queryOptions({
    queryKey: ['project', project, 'workflow', extension, workflow],
    queryFn: () =>
      answer(
        client.GET('/api/projects/{project}/workflows/{extension}/{workflow}', {
          params: { path: { project, extension, workflow } },
        }),
      ),
  });

export const checkQuery = (project: string, extension: string, workflow: string, data: DataRequest) =>
  queryOptions({
    queryKey: ['project', project, 'check', extension, workflow, data],
    queryFn: () =>
      answer(
        client.POST('/api/projects/{project}/workflows/{extension}/{workflow}/check', {
          params: { path: { project, extension, workflow } },
          body: data,
        }),
      ),
    staleTime: 0,
    placeholderData: (before) => before,
  });

export const startRun = (project: string, workflow: string, data: DataRequest) =>
  answer(
    client.POST('/api/projects/{project}/runs', {
      params: { path: { project } },
      body: { ...data, workflow, skip_unfit: true },
    }),
  );
