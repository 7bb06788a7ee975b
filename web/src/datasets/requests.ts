import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, client, csrfHeader, offline, Problem, type UploadReport } from '~/api';

export interface SeriesWhere {
  q: string;
  dataset: string;
}

/** Series of one page of the gallery. */
const PAGE = 200;
/** Series of one page when only their ids are wanted. */
const LARGE_PAGE = 1000;
/** How often previews that are not ready are asked for. */
const PREVIEW_MILLISECONDS = 2000;

const list = (project: string, where: SeriesWhere, limit: number, cursor: string | null) =>
  answer(
    client.GET('/api/projects/{project}/series', {
      params: { path: { project }, query: { ...where, limit, ...(cursor ? { cursor } : {}) } },
    }),
  );

export const galleryQuery = (project: string, where: SeriesWhere) =>
  infiniteQueryOptions({
    queryKey: ['project', project, 'series', where],
    queryFn: ({ pageParam }) => list(project, where, PAGE, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((item) => item.preview.state === 'pending'))
        ? PREVIEW_MILLISECONDS
        : 15_000,
  });

export const recentSeriesQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'series', 'recent'],
    queryFn: () => list(project, { q: '', dataset: '' }, 12, null),
    refetchInterval: 5000,
  });

/** Ids of all series that match, also of those that no page has shown yet. */
export async function allIds(project: string, where: SeriesWhere): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof list>> = await list(project, where, LARGE_PAGE, cursor);
    ids.push(...page.items.map((item) => item.id));
    cursor = page.next_cursor ?? null;
  } while (cursor);
  return ids;
}

export const facetsQuery = (project: string, where: SeriesWhere) =>
  queryOptions({
    queryKey: ['project', project, 'series', 'facets', where],
    queryFn: () =>
      answer(
        client.GET('/api/projects/{project}/series/facets', { params: { path: { project }, query: { ...where } } }),
      ),
    placeholderData: (before) => before,
  });

export const datasetsQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'datasets'],
    queryFn: () => answer(client.GET('/api/projects/{project}/datasets', { params: { path: { project } } })),
  });

export const createDataset = (project: string, name: string, description: string, series: string[]) =>
  answer(
    client.POST('/api/projects/{project}/datasets', {
      params: { path: { project } },
      body: { name, description, series },
    }),
  );

export const deleteDataset = (project: string, dataset: string) =>
  answer(client.DELETE('/api/projects/{project}/datasets/{dataset}', { params: { path: { project, dataset } } }));

export const changeDataset = (project: string, dataset: string, change: { add?: string[]; remove?: string[] }) =>
  answer(
    client.POST('/api/projects/{project}/datasets/{dataset}/series', {
      params: { path: { project, dataset } },
      body: { add: [], remove: [], ...change },
    }),
  );

export const deleteSeries = (project: string, series: string) =>
  answer(client.DELETE('/api/projects/{project}/series/{series}', { params: { path: { project, series } } }));

export const quarantineQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ['project', project, 'quarantine'],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET('/api/projects/{project}/quarantine', {
          params: { path: { project }, query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const releaseFromQuarantine = (project: string, item: string) =>
  answer(client.POST('/api/projects/{project}/quarantine/{item}/release', { params: { path: { project, item } } }));

export const discardFromQuarantine = (project: string, item: string) =>
  answer(client.DELETE('/api/projects/{project}/quarantine/{item}', { params: { path: { project, item } } }));

export const trashQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ['project', project, 'trash'],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET('/api/projects/{project}/trash', {
          params: { path: { project }, query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const restoreFromTrash = (project: string, item: string) =>
  answer(client.POST('/api/projects/{project}/trash/{item}/restore', { params: { path: { project, item } } }));

export const emptyFromTrash = (project: string, item: string) =>
  answer(client.DELETE('/api/projects/{project}/trash/{item}', { params: { path: { project, item } } }));

/** Send a file; the browser's own fetch cannot tell how much of it has left. */
export function upload(
  project: string,
  file: File,
  dataset: string,
  onProgress: (fraction: number) => void,
): Promise<UploadReport> {
  const query = new URLSearchParams({ filename: file.name, ...(dataset ? { dataset } : {}) });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/projects/${encodeURIComponent(project)}/uploads?${query}`);
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries(csrfHeader())) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onerror = () => reject(offline());
    request.onload = () =>
      request.status < 300
        ? resolve(request.response as UploadReport)
        : reject(new Problem({ status: request.status, ...(request.response as object | null) }));
    request.send(file);
  });
}
