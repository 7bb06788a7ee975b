import { answer, client, type Member } from '~/api';

export type Role = Member['role'];

export const signIn = (name: string, password: string) =>
  answer(client.POST('/api/sign-in', { body: { name, password } }));
export const signInWithLink = (token: string) => answer(client.POST('/api/sign-in/link', { body: { token } }));
export const signOut = () => answer(client.POST('/api/sign-out', {}));
export const setPassword = (password: string, current?: string) =>
  answer(client.PUT('/api/me/password', { body: current ? { current, new: password } : { new: password } }));

export const listTokens = () => answer(client.GET('/api/me/tokens', {}));
export const createToken = (label: string) => answer(client.POST('/api/me/tokens', { body: { label, days: 90 } }));
export const revokeToken = (token: string) =>
  answer(client.DELETE('/api/me/tokens/{token}', { params: { path: { token } } }));

export const listUsers = () => answer(client.GET('/api/users', {}));
export const createUser = (name: string, displayName: string, isAdministrator: boolean) =>
  answer(client.POST('/api/users', { body: { name, display_name: displayName, is_administrator: isAdministrator } }));
export const changeUser = (name: string, change: { is_active?: boolean; is_administrator?: boolean }) =>
  answer(client.PATCH('/api/users/{name}', { params: { path: { name } }, body: change }));
export const createLink = (name: string) =>
  answer(client.POST('/api/users/{name}/link', { params: { path: { name } } }));

export const createProject = (name: string, title: string, description: string) =>
  answer(client.POST('/api/projects', { body: { name, title, description } }));

const inProject = (project: string) => ({ params: { path: { project } } });
export const listMembers = (project: string) =>
  answer(client.GET('/api/projects/{project}/members', inProject(project)));
export const setMember = (project: string, user: string, role: Role) =>
  answer(client.PUT('/api/projects/{project}/members/{user}', { params: { path: { project, user } }, body: { role } }));
export const removeMember = (project: string, user: string) =>
  answer(client.DELETE('/api/projects/{project}/members/{user}', { params: { path: { project, user } } }));
