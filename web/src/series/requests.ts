import { queryOptions } from '@tanstack/react-query';
import { answer, client, offline, problemOf, type SeriesDetail } from '~/api';
import type { DataSet } from './report';

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

/** The data sets of a series, by DICOMweb (PS3.18 section 10.4). */
async function dataSets(project: string, { study_uid, series_uid }: SeriesDetail): Promise<DataSet[]> {
  const address = `/dicom-web/${encodeURIComponent(project)}/studies/${study_uid}/series/${series_uid}/metadata`;
  const response = await fetch(address).catch(() => {
    throw offline();
  });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

export const reportQuery = (project: string, series: SeriesDetail) =>
  queryOptions({
    queryKey: ['project', project, 'report', series.id, series.changed_at],
    queryFn: () => dataSets(project, series),
    staleTime: Number.POSITIVE_INFINITY,
  });
