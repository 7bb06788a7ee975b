export { PeerPage } from './PeerPage';
export { PeersPage } from './PeersPage';
export { peersQuery } from './requests';
