import type { NewPeer, Peer } from '~/api';

/** What a person types about a peer; numbers and lists as text. */
export interface PeerDraft {
  name: string;
  kind: Peer['kind'];
  ae_title: string;
  host: string;
  port: string;
  tls: boolean;
  retrieve: Peer['retrieve'];
  networks: string;
  url: string;
  user_name: string;
  secret: string;
  may_store: boolean;
  may_query: boolean;
  deidentify: boolean;
  keep_hours: string;
}

export const NEW: PeerDraft = {
  name: '',
  kind: 'dimse',
  ae_title: '',
  host: '',
  port: '104',
  tls: false,
  retrieve: 'get',
  networks: '',
  url: '',
  user_name: '',
  secret: '',
  may_store: true,
  may_query: false,
  deidentify: true,
  keep_hours: '',
};

export function draftOf(peer: Peer): PeerDraft {
  return {
    ...peer,
    port: peer.port?.toString() ?? '',
    networks: peer.networks.join(' '),
    keep_hours: peer.keep_hours?.toString() ?? '',
    secret: '',
  };
}

/** What is sent: only what belongs to the kind, and no empty secret, so that the present one stays. */
export function bodyOf(draft: PeerDraft): NewPeer {
  const { name, kind, may_store, may_query, deidentify } = draft;
  const networks = draft.networks.split(/[\s,]+/).filter(Boolean);
  const keep_hours = Number(draft.keep_hours) || null;
  const common = { name: name.trim(), kind, may_store, may_query, deidentify, networks, keep_hours };
  const ae_title = draft.ae_title.trim();
  if (kind === 'dicomweb')
    return {
      ...common,
      ae_title,
      url: draft.url.trim(),
      user_name: draft.user_name.trim(),
      ...(draft.secret ? { secret: draft.secret } : {}),
    };
  const { tls, retrieve } = draft;
  return { ...common, ae_title, host: draft.host.trim(), port: Number(draft.port) || null, tls, retrieve };
}

/** Where a peer is, as a person would say it. */
export function addressOf(peer: Peer): string {
  return peer.kind === 'dicomweb' ? peer.url : `${peer.ae_title}@${peer.host}:${peer.port}${peer.tls ? ' (TLS)' : ''}`;
}

/** What a peer may do when it calls. */
export function rightsOf(peer: Peer): string {
  if (!peer.ae_title) return 'Calls nothing here';
  const rights = [peer.may_store && 'send images', peer.may_query && 'query and retrieve'].filter(Boolean);
  return rights.length ? `May ${rights.join(', ')}` : 'May do nothing here';
}
