import { queryOptions } from '@tanstack/react-query';
import { answer, client } from '~/api';

const at = (project: string, series: string) => ({ params: { path: { project, series } } });

export const seriesQuery = (project: string, series: string) =>
  queryOptions({
    queryKey: ['project', project, 'one-series', series],
    queryFn: () => answer(client.GET('/api/projects/{project}/series/{series}', at(project, series))),
    refetchInterval: 15_000,
  });

export const validationQuery = (project: string, series: string) =>
  queryOptions({
    queryKey: ['project', project, 'validation', series],
    queryFn: () => answer(client.GET('/api/projects/{project}/series/{series}/validation', at(project, series))),
    refetchInterval: 15_000,
  });

export const attributesQuery = (project: string, series: string) =>
  queryOptions({
    queryKey: ['project', project, 'attributes', series],
    queryFn: () => answer(client.GET('/api/projects/{project}/series/{series}/attributes', at(project, series))),
    staleTime: Number.POSITIVE_INFINITY,
  });
