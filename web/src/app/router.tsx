import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Navigate,
  Outlet,
  redirect,
  useNavigate,
} from '@tanstack/react-router';
import { LinkPage, MePage, meQuery, SignInPage, useMe } from '~/access';
import { HomePage } from '~/home';
import { Shell } from '~/shell';
import { parseSearch, type Search, safeReturn, stringifySearch } from './addresses';
import { BrokenPage, NotFoundPage } from './errors';
import { queries } from './queries';

const root = createRootRouteWithContext<Record<string, never>>()({ component: Outlet });
const anySearch = (search: Search): Search => search;

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: anySearch,
  component: function SignIn() {
    const navigate = useNavigate();
    const { next } = signIn.useSearch();
    const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
    const done = () => navigate({ href: safeReturn(next), replace: true });
    return token ? <LinkPage token={token} onDone={done} /> : <SignInPage onDone={done} />;
  },
});

/** Everything behind the sign-in. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  beforeLoad: async ({ location }) => {
    if (!(await queries.ensureQueryData(meQuery))) throw redirect({ to: '/sign-in', search: { next: location.href } });
  },
  component: Outlet,
});

const start = createRoute({
  getParentRoute: () => inside,
  path: '/',
  component: function Start() {
    const project = useMe().projects[0];
    if (project) return <Navigate to="/projects/$project" params={{ project: project.name }} replace />;
    return <Shell project={null} />;
  },
});

const project = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project',
  component: function InProject() {
    const { project: name } = project.useParams();
    return <Shell project={name} />;
  },
});

const home = createRoute({
  getParentRoute: () => project,
  path: '/',
  component: () => <HomePage project={project.useParams().project} />,
});

/** Pages about the person or the whole site, in the frame without a project. */
const whole = createRoute({
  getParentRoute: () => inside,
  id: 'whole',
  component: () => <Shell project={null} />,
});

const me = createRoute({ getParentRoute: () => whole, path: '/me', component: MePage });

const tree = root.addChildren([
  signIn,
  inside.addChildren([start, whole.addChildren([me]), project.addChildren([home])]),
]);

export const router = createRouter({
  routeTree: tree,
  context: {},
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultNotFoundComponent: NotFoundPage,
  defaultErrorComponent: BrokenPage,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
