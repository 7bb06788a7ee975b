import createClient from 'openapi-fetch';
import { offline, problemOf } from './problem';
import type { paths } from './schema';

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

let csrfToken = '';

/** Remember the token that the site wants to see with every change made by a signed-in browser. */
export function rememberCsrfToken(token: string): void {
  csrfToken = token;
}

export const csrfHeader = (): Record<string, string> => (csrfToken ? { 'X-CSRF-Token': csrfToken } : {});

export const client = createClient<paths>({ baseUrl: window.location.origin, credentials: 'same-origin' });

client.use({
  onRequest({ request }) {
    if (UNSAFE.has(request.method))
      for (const [name, value] of Object.entries(csrfHeader())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
  },
  onError({ error }) {
    return error instanceof TypeError ? offline() : undefined;
  },
});

/** The body of an answer; a refusal has been thrown as a Problem before. */
export async function answer<T>(request: Promise<{ data?: T }>): Promise<T> {
  return (await request).data as T;
}
