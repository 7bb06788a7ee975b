import { Button, Chip, Group, ScrollArea, Skeleton, Stack, Table, Text } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { RunItem } from '~/api';
import { Age, CommandLine, duration, EmptyState, PageHeader, ProblemView } from '~/common';
import { JobBar } from './JobBar';
import { runsQuery } from './requests';
import classes from './runs.module.css';
import { StateMark } from './StateMark';
import { elapsed, inWords, isRunState, RUN_STATES, stateStyle } from './states';

interface Props {
  project: string;
  state: string | undefined;
  workflow: string | undefined;
  /** Change the filter, which stands in the address. */
  onFilter: (filter: { state?: string | undefined; workflow?: string | undefined }) => void;
}

/** All runs of a project, newest first. */
export function RunsPage({ project, state, workflow, onFilter }: Props) {
  const chosen = isRunState(state) ? state : undefined;
  const runs = useQuery(runsQuery(project, { state: chosen, workflow }));
  const items = runs.data?.items ?? [];
  return (
    <>
      <PageHeader title="Runs" description="Every workflow that was started in this project." />
      <Group px={24} pb={12} gap={8}>
        <Chip.Group value={chosen ?? ''} onChange={(value) => onFilter({ state: value as string, workflow })}>
          <Group gap={6}>
            <Chip value="" size="xs" variant="outline">
              All
            </Chip>
            {RUN_STATES.map((one) => (
              <Chip key={one} value={one} size="xs" variant="outline">
                {stateStyle(one).word}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        {workflow && (
          <Button size="compact-xs" variant="default" onClick={() => onFilter({ state: chosen })}>
            {workflow} ×
          </Button>
        )}
      </Group>
      {runs.error && !runs.data ? (
        <ProblemView error={runs.error} retry={() => runs.refetch()} />
      ) : runs.isPending ? (
        <Stack px={24} gap={8}>
          {[1, 2, 3].map((row) => (
            <Skeleton key={row} h={36} />
          ))}
        </Stack>
      ) : items.length === 0 ? (
        <NoRuns project={project} filtered={Boolean(chosen || workflow)} onAll={() => onFilter({})} />
      ) : (
        <RunTable project={project} runs={items} />
      )}
    </>
  );
}

function NoRuns({ project, filtered, onAll }: { project: string; filtered: boolean; onAll: () => void }) {
  if (filtered)
    return (
      <EmptyState icon={IconActivity} title="No run is like that">
        <Button variant="default" onClick={onAll}>
          Show all runs
        </Button>
      </EmptyState>
    );
  return (
    <EmptyState icon={IconActivity} title="Nothing has run yet">
      <Stack gap={12}>
        <span>
          Choose series in{' '}
          <Link to="/projects/$project/datasets" params={{ project }}>
            Datasets
          </Link>{' '}
          and run a workflow on them, or start one from the command line:
        </span>
        <CommandLine command={`kahua run EXTENSION/WORKFLOW --dataset DATASET --project ${project}`} />
      </Stack>
    </EmptyState>
  );
}

function RunTable({ project, runs }: { project: string; runs: RunItem[] }) {
  const navigate = useNavigate();
  return (
    <ScrollArea px={24} pb={24}>
      <Table highlightOnHover miw={860}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>State</Table.Th>
            <Table.Th>Workflow</Table.Th>
            <Table.Th>Data</Table.Th>
            <Table.Th>Started by</Table.Th>
            <Table.Th w={180}>Jobs</Table.Th>
            <Table.Th ta="right">Duration</Table.Th>
            <Table.Th ta="right">Age</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr
              key={run.id}
              className={classes.row}
              onClick={() => navigate({ to: '/projects/$project/runs/$run', params: { project, run: run.id } })}
            >
              <Table.Td>
                <StateMark state={run.state} />
              </Table.Td>
              <Table.Td>
                <Link
                  to="/projects/$project/runs/$run"
                  params={{ project, run: run.id }}
                  style={{ color: 'inherit', textDecoration: 'none' }}
                >
                  {run.title}
                </Link>
                <Text fz="xs" c="dimmed">
                  {run.workflow} {run.version}
                </Text>
              </Table.Td>
              <Table.Td>{run.dataset_name ? `${run.dataset_name} v${run.dataset_version}` : 'chosen series'}</Table.Td>
              <Table.Td>{run.created_by}</Table.Td>
              <Table.Td>
                <JobBar jobsByState={run.jobs_by_state} />
                <Text fz="xs" c="dimmed">
                  {inWords(run.jobs_by_state)}
                </Text>
              </Table.Td>
              <Table.Td ta="right">{durationOf(run)}</Table.Td>
              <Table.Td ta="right">
                <Age moment={run.created_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}

function durationOf(run: RunItem): string {
  const seconds = elapsed(run.started_at, run.finished_at);
  return seconds === null ? '–' : duration(seconds);
}
