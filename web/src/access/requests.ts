import { answer, client } from '~/api';

export const signIn = (name: string, password: string) =>
  answer(client.POST('/api/sign-in', { body: { name, password } }));
export const signInWithLink = (token: string) => answer(client.POST('/api/sign-in/link', { body: { token } }));
export const signOut = () => answer(client.POST('/api/sign-out', {}));
export const setPassword = (password: string, current?: string) =>
  answer(client.PUT('/api/me/password', { body: current ? { current, new: password } : { new: password } }));

export interface Token {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

export const listTokens = (): Promise<{ items: Token[] }> => answer(client.GET('/api/me/tokens', {}));
export const createToken = (name: string): Promise<{ token: string }> =>
  answer(client.POST('/api/me/tokens', { body: { name } }));
export const revokeToken = (id: string) => answer(client.DELETE('/api/me/tokens/{id}', { params: { path: { id } } }));
