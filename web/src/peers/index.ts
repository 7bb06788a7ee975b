export { PeerPage } from './PeerPage';
export { PeersPage } from './PeersPage';
