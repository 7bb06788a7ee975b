import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Navigate,
  Outlet,
  redirect,
  useNavigate,
} from '@tanstack/react-router';
import { LinkPage, MembersPage, MePage, meQuery, PeoplePage, SignInPage, useMe } from '~/access';
import { ConfidentialityPage } from '~/confidentiality';
import { DatasetsPage, QuarantinePage, TrashPage } from '~/datasets';
import { ExtensionsPage } from '~/extensions';
import { HomePage } from '~/home';
import { PeerPage, PeersPage } from '~/peers';
import { RunPage, RunsPage } from '~/runs';
import { SeriesPage } from '~/series';
import { Shell } from '~/shell';
import { type Kind, TransferPage, TransfersPage } from '~/transfers';
import { WorkflowPage, WorkflowsPage } from '~/workflows';
import { WorkitemPage, WorkitemsPage } from '~/workitems';
import { parseSearch, pick, type Search, safeReturn, stringifySearch } from './addresses';
import { BrokenPage, NoProjectPage, NotFoundPage } from './errors';
import { queries } from './queries';

const root = createRootRouteWithContext<Record<string, never>>()({ component: Outlet });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Search) => pick(search, 'next'),
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

/** Pages about the person or the whole site, in the frame without a project. */
const whole = createRoute({ getParentRoute: () => inside, id: 'whole', component: () => <Shell project={null} /> });

const start = createRoute({
  getParentRoute: () => whole,
  path: '/',
  component: function Start() {
    const first = useMe().projects[0];
    return first ? <Navigate to="/projects/$project" params={{ project: first.name }} replace /> : <NoProjectPage />;
  },
});
const me = createRoute({ getParentRoute: () => whole, path: '/me', component: MePage });
const people = createRoute({ getParentRoute: () => whole, path: '/site/people', component: PeoplePage });
const extensions = createRoute({ getParentRoute: () => whole, path: '/site/extensions', component: ExtensionsPage });

const project = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project',
  component: function InProject() {
    const { project: name } = project.useParams();
    const isMine = useMe().projects.some((one) => one.name === name);
    return <Shell project={name}>{isMine ? null : <NotFoundPage />}</Shell>;
  },
});

const home = createRoute({
  getParentRoute: () => project,
  path: '/',
  component: () => <HomePage project={project.useParams().project} />,
});

const datasets = createRoute({
  getParentRoute: () => project,
  path: '/datasets',
  validateSearch: (search: Search) => pick(search, 'q', 'dataset'),
  component: function Datasets() {
    const { q = '', dataset = '' } = datasets.useSearch();
    const navigate = datasets.useNavigate();
    const { project: name } = project.useParams();
    return <DatasetsPage key={name} project={name} where={{ q, dataset }} onWhere={(search) => navigate({ search })} />;
  },
});

const quarantine = createRoute({
  getParentRoute: () => project,
  path: '/quarantine',
  component: () => <QuarantinePage project={project.useParams().project} />,
});

const trash = createRoute({
  getParentRoute: () => project,
  path: '/trash',
  component: () => <TrashPage project={project.useParams().project} />,
});

const series = createRoute({
  getParentRoute: () => project,
  path: '/series/$series',
  validateSearch: (search: Search) => pick(search, 'tab', 'overlay', 'fusion'),
  component: function Series() {
    const navigate = series.useNavigate();
    const { project: name, series: id } = series.useParams();
    return (
      <SeriesPage
        key={id}
        project={name}
        series={id}
        view={series.useSearch()}
        onView={(search) => navigate({ search, replace: true })}
      />
    );
  },
});

const workflows = createRoute({
  getParentRoute: () => project,
  path: '/workflows',
  validateSearch: (search: Search) => pick(search, 'series', 'choice', 'dataset'),
  component: () => <WorkflowsPage project={project.useParams().project} choice={workflows.useSearch()} />,
});

const workflow = createRoute({
  getParentRoute: () => project,
  path: '/workflows/$extension/$workflow',
  validateSearch: (search: Search) => pick(search, 'series', 'choice', 'dataset'),
  component: function Workflow() {
    const navigate = workflow.useNavigate();
    return (
      <WorkflowPage
        {...workflow.useParams()}
        view={workflow.useSearch()}
        onView={(search) => navigate({ search, replace: true })}
      />
    );
  },
});

const runs = createRoute({
  getParentRoute: () => project,
  path: '/runs',
  validateSearch: (search: Search) => pick(search, 'state', 'workflow'),
  component: function Runs() {
    const navigate = runs.useNavigate();
    const { state, workflow: name } = runs.useSearch();
    return (
      <RunsPage
        project={project.useParams().project}
        state={state}
        workflow={name}
        onFilter={(search) => navigate({ search })}
      />
    );
  },
});

const run = createRoute({
  getParentRoute: () => project,
  path: '/runs/$run',
  validateSearch: (search: Search) => pick(search, 'task', 'attempt'),
  component: function Run() {
    const navigate = run.useNavigate();
    const { task, attempt } = run.useSearch();
    return (
      <RunPage
        {...run.useParams()}
        view={{ task, attempt: attempt ? Number(attempt) : undefined }}
        onView={(view) => navigate({ search: { task: view.task, attempt: view.attempt?.toString() }, replace: true })}
      />
    );
  },
});

const workitems = createRoute({
  getParentRoute: () => project,
  path: '/workitems',
  validateSearch: (search: Search) => pick(search, 'state', 'label', 'station'),
  component: function Workitems() {
    const { project: name } = project.useParams();
    const navigate = workitems.useNavigate();
    const filter = workitems.useSearch();
    return (
      <WorkitemsPage
        key={`${name} ${filter.label ?? ''} ${filter.station ?? ''}`}
        project={name}
        filter={filter}
        onFilter={(search) => navigate({ search })}
      />
    );
  },
});

const workitem = createRoute({
  getParentRoute: () => project,
  path: '/workitems/$workitem',
  component: function Workitem() {
    const { project: name, workitem: uid } = workitem.useParams();
    return <WorkitemPage key={uid} project={name} workitem={uid} />;
  },
});

const members = createRoute({
  getParentRoute: () => project,
  path: '/members',
  component: () => <MembersPage project={project.useParams().project} />,
});

const peers = createRoute({
  getParentRoute: () => project,
  path: '/peers',
  component: () => <PeersPage project={project.useParams().project} />,
});

const peer = createRoute({
  getParentRoute: () => project,
  path: '/peers/$peer',
  component: function Peer() {
    const { project: name, peer: other } = peer.useParams();
    return <PeerPage key={other} project={name} peer={other} />;
  },
});

const transfers = createRoute({
  getParentRoute: () => project,
  path: '/transfers',
  validateSearch: (search: Search) => pick(search, 'show'),
  component: function Transfers() {
    const { project: name } = project.useParams();
    const navigate = transfers.useNavigate();
    const kind: Kind = transfers.useSearch().show === 'deliveries' ? 'deliveries' : 'pulls';
    return <TransfersPage key={name} project={name} kind={kind} onKind={(show) => navigate({ search: { show } })} />;
  },
});

const transfer = createRoute({
  getParentRoute: () => project,
  path: '/transfers/$kind/$transfer',
  component: function Transfer() {
    const { project: name, kind, transfer: id } = transfer.useParams();
    return <TransferPage key={id} project={name} kind={kind === 'deliveries' ? 'deliveries' : 'pulls'} id={id} />;
  },
});

const confidentiality = createRoute({
  getParentRoute: () => project,
  path: '/confidentiality',
  component: function Confidentiality() {
    const { project: name } = project.useParams();
    return <ConfidentialityPage key={name} project={name} />;
  },
});

const tree = root.addChildren([
  signIn,
  inside.addChildren([
    whole.addChildren([start, me, people, extensions]),
    project.addChildren([
      home,
      datasets,
      quarantine,
      trash,
      series,
      workflows,
      workflow,
      runs,
      run,
      workitems,
      workitem,
      peers,
      peer,
      transfers,
      transfer,
      members,
      confidentiality,
    ]),
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  context: {},
  parseSearch,
  stringifySearch,
  defaultNotFoundComponent: NotFoundPage,
  defaultErrorComponent: BrokenPage,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
