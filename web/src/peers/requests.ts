import { queryOptions } from '@tanstack/react-query';
import { answer, client, type NewPeer, type PeerBody, type PullRequest } from '~/api';
import { MOST_STUDIES } from './studies';

/** What a study must match; star and question mark stand for anything. */
export interface StudySearch {
  patient_id: string;
  patient_name: string;
  accession_number: string;
  study_date: string;
  modality: string;
}

const inProject = (project: string) => ({ params: { path: { project } } });
const ofPeer = (project: string, peer: string) => ({ params: { path: { project, peer } } });

export const peersQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'peers'],
    queryFn: () => answer(client.GET('/api/projects/{project}/peers', inProject(project))),
  });
export const addPeer = (project: string, body: NewPeer) =>
  answer(client.POST('/api/projects/{project}/peers', { ...inProject(project), body: body as PeerBody & NewPeer }));
export const changePeer = (project: string, peer: string, body: Partial<PeerBody>) =>
  answer(client.PATCH('/api/projects/{project}/peers/{peer}', { ...ofPeer(project, peer), body: body as PeerBody }));
export const removePeer = (project: string, peer: string) =>
  answer(client.DELETE('/api/projects/{project}/peers/{peer}', ofPeer(project, peer)));
export const echoPeer = (project: string, peer: string) =>
  answer(client.POST('/api/projects/{project}/peers/{peer}/echo', ofPeer(project, peer)));
export const searchPeer = (project: string, peer: string, query: StudySearch) =>
  answer(
    client.GET('/api/projects/{project}/peers/{peer}/studies', {
      params: { path: { project, peer }, query: { ...query, limit: MOST_STUDIES } },
    }),
  );

/** How often pulls that go on are asked for. */
const PULL_MILLISECONDS = 2000;

export const pullsQuery = (project: string) =>
  queryOptions({
    queryKey: ['project', project, 'pulls'],
    queryFn: () =>
      answer(client.GET('/api/projects/{project}/pulls', { params: { path: { project }, query: { limit: 50 } } })),
    refetchInterval: ({ state }) =>
      state.data?.items.some((pull) => pull.state === 'active') ? PULL_MILLISECONDS : false,
  });

export const startPull = (project: string, peer: string, study_uid: string) =>
  answer(
    client.POST('/api/projects/{project}/pulls', {
      ...inProject(project),
      body: { peer, wishes: [{ study_uid }] } as PullRequest,
    }),
  );

export const cancelPull = (project: string, pull: string) =>
  answer(client.POST('/api/projects/{project}/pulls/{pull}/cancel', { params: { path: { project, pull } } }));
