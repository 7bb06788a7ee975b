import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, client, type Delivery, type DeliveryItem, type Pull, type PullItem } from '~/api';

/** Brought in from a peer, or sent there; as addresses name it. */
export type Kind = 'pulls' | 'deliveries';

/** An order of either kind, and a part of one. */
export type Order = Pull | Delivery;
export type Item = PullItem | DeliveryItem;

interface Page<Part> {
  items: Part[];
  next_cursor?: string | null | undefined;
}

/** Orders, and items, of one page. */
const PAGE = 50;
const ITEMS = 200;

/** How often what goes on is asked for. */
const GOING_MILLISECONDS = 2000;

const path = (project: string, id: string) => ({ pull: id, delivery: id, project });

const list = (kind: Kind, project: string, cursor: string | null): Promise<Page<Order>> => {
  const params = { path: { project }, query: { limit: PAGE, ...(cursor ? { cursor } : {}) } };
  return kind === 'pulls'
    ? answer(client.GET('/api/projects/{project}/pulls', { params }))
    : answer(client.GET('/api/projects/{project}/deliveries', { params }));
};

const get = (kind: Kind, project: string, id: string): Promise<Order> =>
  kind === 'pulls'
    ? answer(client.GET('/api/projects/{project}/pulls/{pull}', { params: { path: path(project, id) } }))
    : answer(client.GET('/api/projects/{project}/deliveries/{delivery}', { params: { path: path(project, id) } }));

const items = (kind: Kind, project: string, id: string, after: number): Promise<Page<Item>> => {
  const params = { path: path(project, id), query: { limit: ITEMS, after } };
  return kind === 'pulls'
    ? answer(client.GET('/api/projects/{project}/pulls/{pull}/items', { params }))
    : answer(client.GET('/api/projects/{project}/deliveries/{delivery}/items', { params }));
};

export const transfersKey = (project: string, kind: Kind) => ['project', project, kind];

export const transfersQuery = (project: string, kind: Kind) =>
  infiniteQueryOptions({
    queryKey: [...transfersKey(project, kind), 'all'],
    queryFn: ({ pageParam }) => list(kind, project, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((one) => one.state === 'active')) ? GOING_MILLISECONDS : 15_000,
  });

export const transferQuery = (project: string, kind: Kind, id: string) =>
  queryOptions({
    queryKey: [...transfersKey(project, kind), id],
    queryFn: () => get(kind, project, id),
    refetchInterval: ({ state }) => (state.data?.state === 'active' ? GOING_MILLISECONDS : false),
  });

export const itemsQuery = (project: string, kind: Kind, id: string, isGoing: boolean) =>
  infiniteQueryOptions({
    queryKey: [...transfersKey(project, kind), id, 'items'],
    queryFn: ({ pageParam }) => items(kind, project, id, pageParam),
    initialPageParam: 0,
    getNextPageParam: (page) => (page.next_cursor ? Number(page.next_cursor) : undefined),
    refetchInterval: isGoing ? GOING_MILLISECONDS : false,
  });

export const cancelTransfer = (project: string, kind: Kind, id: string): Promise<Order> =>
  kind === 'pulls'
    ? answer(client.POST('/api/projects/{project}/pulls/{pull}/cancel', { params: { path: path(project, id) } }))
    : answer(
        client.POST('/api/projects/{project}/deliveries/{delivery}/cancel', { params: { path: path(project, id) } }),
      );

export const retryTransfer = (project: string, kind: Kind, id: string): Promise<Order> =>
  kind === 'pulls'
    ? answer(client.POST('/api/projects/{project}/pulls/{pull}/retry', { params: { path: path(project, id) } }))
    : answer(
        client.POST('/api/projects/{project}/deliveries/{delivery}/retry', { params: { path: path(project, id) } }),
      );

/** Address of everything that became of an order, as a table. */
export const tableAddress = (project: string, kind: Kind, id: string): string =>
  `/api/projects/${encodeURIComponent(project)}/${kind}/${id}/items.csv`;

/** What is sent: series one by one, or a dataset. */
export type Sent = { series: readonly string[] } | { dataset: string };

export const startDelivery = (project: string, peer: string, what: Sent) =>
  answer(
    client.POST('/api/projects/{project}/deliveries', {
      params: { path: { project } },
      body: { peer, series: 'series' in what ? [...what.series] : [], ...('dataset' in what ? what : {}) },
    }),
  );
