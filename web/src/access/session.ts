import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, client, type Me, type MyProject, Problem, rememberCsrfToken } from '~/api';

/** Who is signed in, or null; asked once and after every change of it. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  staleTime: 60_000,
  queryFn: async (): Promise<Me | null> => {
    try {
      const me: Me = await answer(client.GET('/api/me', {}));
      rememberCsrfToken(me.csrf_token);
      return me;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
});

/** The signed-in person; only for pages behind the sign-in. */
export function useMe(): Me {
  const { data } = useQuery(meQuery);
  if (!data) throw new Problem({ status: 401, code: 'not-signed-in', detail: 'You are not signed in.' });
  return data;
}

export function useProject(name: string): MyProject | undefined {
  return useMe().projects.find((project) => project.name === name);
}

/** Whether the signed-in person may do something in a project; the site decides again at every request. */
export const allows = (project: MyProject | undefined, permission: MyProject['permissions'][number]): boolean =>
  project?.permissions.includes(permission) ?? false;

/** Ask anew who is signed in, and forget everything that the person before has seen. */
export function useRestart(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    queries.clear();
    await queries.fetchQuery({ ...meQuery, staleTime: 0 });
  };
}
