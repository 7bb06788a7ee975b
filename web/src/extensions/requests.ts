import { queryOptions } from '@tanstack/react-query';
import { answer, client, csrfHeader, type Extension, offline, problemOf } from '~/api';

export const extensionsQuery = queryOptions({
  queryKey: ['extensions'],
  queryFn: () => answer(client.GET('/api/extensions', {})),
  refetchInterval: ({ state }) => (state.data?.items.some((one) => one.state === 'building') ? 2000 : false),
});

export async function installExtension(archive: File): Promise<Extension> {
  const headers = { 'Content-Type': 'application/zip', ...csrfHeader() };
  const response = await fetch('/api/extensions', { method: 'POST', body: archive, headers }).catch(() => {
    throw offline();
  });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Extension;
}

export const removeExtension = ({ name, version }: Extension) =>
  answer(client.DELETE('/api/extensions/{name}/{version}', { params: { path: { name, version } } }));
