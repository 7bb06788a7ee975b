import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, client, type DataRequest } from '~/api';
import { isLive, isState } from './words';

/** Which workitems are shown; it stands in the address. */
export interface WorkitemsFilter {
  state?: string | undefined;
  label?: string | undefined;
  station?: string | undefined;
}

/** How often those that are not done are asked for again. */
const GOING_MILLISECONDS = 3000;

const PAGE = 50;

export const workitemsKey = (project: string) => ['project', project, 'workitems'];

export const workitemsQuery = (project: string, { state, label, station }: WorkitemsFilter) =>
  infiniteQueryOptions({
    queryKey: [...workitemsKey(project), 'all', { state, label, station }],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET('/api/projects/{project}/workitems', {
          params: {
            path: { project },
            query: {
              limit: PAGE,
              ...(isState(state) ? { state } : {}),
              ...(label ? { label } : {}),
              ...(station ? { station } : {}),
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.items.some((one) => isLive(one.state))) ? GOING_MILLISECONDS : 15_000,
  });

export const workitemQuery = (project: string, workitem: string) =>
  queryOptions({
    queryKey: [...workitemsKey(project), workitem],
    queryFn: () =>
      answer(client.GET('/api/projects/{project}/workitems/{workitem}', { params: { path: { project, workitem } } })),
    refetchInterval: ({ state }) => (state.data && isLive(state.data.state) ? GOING_MILLISECONDS : false),
  });

export const cancelWorkitem = (project: string, workitem: string, reason: string) =>
  answer(
    client.POST('/api/projects/{project}/workitems/{workitem}/cancel', {
      params: { path: { project, workitem } },
      body: { reason },
    }),
  );

/** What an order says besides workflow and data. */
export interface OrderDetails {
  label: string;
  priority: 'HIGH' | 'MEDIUM' | 'LOW';
  /** A moment, or null for at once. */
  starts_at: string | null;
}

export const orderWorkitems = (project: string, workflow: string, data: DataRequest, details: OrderDetails) =>
  answer(
    client.POST('/api/projects/{project}/workitems', {
      params: { path: { project } },
      body: { ...data, ...details, workflow, skip_unfit: true },
    }),
  );
