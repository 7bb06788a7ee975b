export { LinkPage } from './LinkPage';
export { MembersPage } from './MembersPage';
export { MePage } from './MePage';
export { PeoplePage } from './PeoplePage';
export { signOut } from './requests';
export { SignInPage } from './SignInPage';
export { allows, meQuery, useMe, useProject, useRestart } from './session';
