import { answer, client, type NewPeer, type PeerBody } from '~/api';

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

export const peersKey = (project: string) => ['project', project, 'peers'];

export const listPeers = (project: string) => answer(client.GET('/api/projects/{project}/peers', inProject(project)));
export const addPeer = (project: string, body: NewPeer) =>
  answer(client.POST('/api/projects/{project}/peers', { ...inProject(project), body: body as PeerBody & NewPeer }));
export const changePeer = (project: string, peer: string, body: Partial<PeerBody>) =>
  answer(client.PATCH('/api/projects/{project}/peers/{peer}', { ...ofPeer(project, peer), body: body as PeerBody }));
export const removePeer = (project: string, peer: string) =>
  answer(client.DELETE('/api/projects/{project}/peers/{peer}', ofPeer(project, peer)));
export const echoPeer = (project: string, peer: string) =>
  answer(client.POST('/api/projects/{project}/peers/{peer}/echo', ofPeer(project, peer)));
export const searchPeer = (project: string, peer: string, query: StudySearch) =>
  answer(client.GET('/api/projects/{project}/peers/{peer}/studies', { params: { path: { project, peer }, query } }));
