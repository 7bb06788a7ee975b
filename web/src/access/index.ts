export { LinkPage } from './LinkPage';
export { MePage } from './MePage';
export { signOut } from './requests';
export { SignInPage } from './SignInPage';
export { allows, meQuery, useMe, useProject, useRestart } from './session';
