import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { allows, useProject } from '~/access';
import type { Job, RunDetail } from '~/api';
import { Age, duration, PageHeader, PageSkeleton, ProblemLine, ProblemView } from '~/common';
import { FailureBox } from './FailureBox';
import { mostTelling } from './graph';
import { JobBar } from './JobBar';
import { JobStrip } from './JobStrip';
import { Results } from './Results';
import { ACTS, recordUrl, runQuery } from './requests';
import classes from './runs.module.css';
import { StateMark } from './StateMark';
import { canCancel, canResume, elapsed, inWords } from './states';
import { TaskGraph } from './TaskGraph';
import { TaskPanel } from './TaskPanel';

export interface RunView {
  task?: string | undefined;
  attempt?: number | undefined;
}

interface Props {
  project: string;
  run: string;
  view: RunView;
  /** Choose a task and an attempt, which stand in the address. */
  onView: (view: RunView) => void;
}

function Actions({ project, run }: { project: string; run: RunDetail }) {
  const mine = useProject(project);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const act = useMutation({
    mutationFn: (what: keyof typeof ACTS) => ACTS[what]({ project, run: run.id }),
    onSuccess: async (answer, what) => {
      await queries.invalidateQueries({ queryKey: ['project', project, 'runs'] });
      if (what === 'repeat')
        return navigate({ to: '/projects/$project/runs/$run', params: { project, run: answer.id }, search: {} });
      queries.setQueryData(runQuery(project, run.id).queryKey, answer);
    },
  });
  return (
    <Group gap={8}>
      <ProblemLine error={act.error} />
      <Button
        variant="default"
        size="xs"
        component="a"
        href={recordUrl(project, run.id)}
        download={`run-${run.id}.json`}
      >
        Export record
      </Button>
      {allows(mine, 'run.start') && (
        <Button variant="default" size="xs" onClick={() => act.mutate('repeat')} loading={act.isPending}>
          Repeat
        </Button>
      )}
      {canResume(run.state) && allows(mine, 'run.start') && (
        <Button size="xs" onClick={() => act.mutate('resume')} loading={act.isPending}>
          Resume
        </Button>
      )}
      {canCancel(run.state) && allows(mine, 'run.cancel') && (
        <Button variant="default" size="xs" onClick={() => act.mutate('cancel')} loading={act.isPending}>
          Cancel
        </Button>
      )}
    </Group>
  );
}

function Summary({ run }: { run: RunDetail }) {
  const seconds = elapsed(run.started_at, run.finished_at);
  return (
    <Group gap={12} c="dimmed" fz="sm">
      <StateMark state={run.state} />
      <span>
        {run.workflow} {run.version}
      </span>
      {run.dataset_name && (
        <span>
          {run.dataset_name}, version {run.dataset_version}
        </span>
      )}
      <span>
        started by {run.created_by} <Age moment={run.created_at} />
      </span>
      {seconds !== null && <span>{duration(seconds)}</span>}
    </Group>
  );
}

function Parameters({ parameters }: { parameters: Record<string, unknown> }) {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return null;
  return (
    <Stack gap={4}>
      <Title order={2}>Parameters</Title>
      {entries.map(([name, value]) => (
        <Text key={name} fz="sm">
          <Text span c="dimmed">
            {name}
          </Text>{' '}
          {String(value)}
        </Text>
      ))}
    </Stack>
  );
}

const chosenJob = (run: RunDetail, task: string | undefined): Job | undefined =>
  run.jobs.find((job) => job.tasks.some((one) => one.id === task)) ??
  run.jobs.find((job) => job.state === 'failed') ??
  run.jobs.find((job) => job.state === 'running') ??
  run.jobs[0];

/** A run: what it does at the moment, what went wrong, what came out of it. */
export function RunPage({ project, run: id, view, onView }: Props) {
  const query = useQuery(runQuery(project, id));
  if (query.error && !query.data) return <ProblemView error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <PageSkeleton />;
  const run = query.data;
  const job = chosenJob(run, view.task);
  const task = job?.tasks.find((one) => one.id === view.task) ?? mostTelling(job?.tasks ?? []);
  const open = (one: Job | undefined) => onView({ task: mostTelling(one?.tasks ?? [])?.id });
  return (
    <>
      <PageHeader
        title={run.title}
        description={<Summary run={run} />}
        actions={<Actions project={project} run={run} />}
      />
      <Stack gap={24} px={24} pb={24}>
        {run.failure && <FailureBox failure={run.failure} />}
        <Stack gap={8}>
          <Group justify="space-between">
            <Title order={2}>Jobs</Title>
            <Text fz="sm" c="dimmed" role="status">
              {inWords(run.jobs_by_state)}
            </Text>
          </Group>
          <JobBar jobsByState={run.jobs_by_state} />
          {run.jobs.length > 1 && <JobStrip jobs={run.jobs} chosen={job?.id} onChoose={open} />}
        </Stack>
        {job && (
          <Stack gap={8}>
            <Title order={2}>
              Job {job.position + 1}: {job.series.map((one) => one.description || one.modality).join(', ')}
            </Title>
            <TaskGraph tasks={job.tasks} chosen={task?.id} onChoose={(one) => onView({ task: one.id })} />
          </Stack>
        )}
      </Stack>
      <div className={classes.columns}>
        <Stack gap={24} miw={0}>
          <Stack gap={8}>
            <Title order={2}>Results</Title>
            <Results project={project} results={run.results} />
          </Stack>
          <Parameters parameters={run.parameters} />
        </Stack>
        {task && (
          <TaskPanel
            project={project}
            run={run.id}
            task={task}
            attempt={view.attempt}
            onAttempt={(attempt) => onView({ task: task.id, attempt })}
          />
        )}
      </div>
    </>
  );
}
