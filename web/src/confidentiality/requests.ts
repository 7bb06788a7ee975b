import { answer, type Confidentiality, type ConfidentialityRequest, client } from '~/api';

const inProject = (project: string) => ({ params: { path: { project } } });

export const getConfidentiality = (project: string) =>
  answer(client.GET('/api/projects/{project}/confidentiality', inProject(project)));

export const setConfidentiality = (project: string, wanted: ConfidentialityRequest) =>
  answer(client.PUT('/api/projects/{project}/confidentiality', { ...inProject(project), body: wanted }));

/** What is asked for when everything stays as it is. */
export function requestOf({ codes: _, ...kept }: Confidentiality): ConfidentialityRequest {
  return kept;
}
