import { queryOptions } from '@tanstack/react-query';
import { answer, type Confidentiality, type ConfidentialityRequest, client } from '~/api';

const inProject = (project: string) => ({ params: { path: { project } } });

export const confidentialityQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'confidentiality'],
    queryFn: () => answer(client.GET('/api/projects/{project}/confidentiality', inProject(project))),
  });

export const setConfidentiality = (project: string, wanted: ConfidentialityRequest) =>
  answer(client.PUT('/api/projects/{project}/confidentiality', { ...inProject(project), body: wanted }));

/** What is asked for when everything stays as it is. */
export function requestOf(stored: Confidentiality): ConfidentialityRequest {
  const { on_arrival, dates, keep, suspicious_pixels, faces } = stored;
  return { on_arrival, dates, keep, suspicious_pixels, faces };
}

/** Whether anybody can still tell who the patients of arrivals were. */
export function sealWords({ on_arrival, seals_patients, sealed_patients }: Confidentiality): string {
  if (seals_patients)
    return `Who is behind the pseudonyms is sealed with a passphrase, for ${sealed_patients} patients so far.`;
  return on_arrival ? 'Nobody can find out who is behind the pseudonyms of what has come in.' : '';
}
