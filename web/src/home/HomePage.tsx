import { Anchor, Group, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconPhotoPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useProject } from '~/access';
import type { RunItem, SeriesItem } from '~/api';
import { Age, CommandLine, counted, EmptyState, PageHeader, ProblemView } from '~/common';
import { datasetsQuery, Picture, recentSeriesQuery } from '~/datasets';
import { runsQuery, StateMark } from '~/runs';
import classes from './home.module.css';

/** What runs, what failed, what arrived, and the datasets of a project. */
export function HomePage({ project }: { project: string }) {
  const mine = useProject(project);
  const recent = useQuery(recentSeriesQuery(project));
  const running = useQuery(runsQuery(project, { state: 'running', limit: 5 }));
  const failed = useQuery(runsQuery(project, { state: 'failed', limit: 5 }));
  const done = useQuery(runsQuery(project, { state: 'succeeded', limit: 5 }));
  const datasets = useQuery(datasetsQuery(project));
  const total = recent.data?.total;
  return (
    <>
      <PageHeader
        title={mine?.title || project}
        description={
          total?.series
            ? `${counted(total.series, 'series', 'series')} of ${counted(total.patients, 'patient')} in ${counted(total.studies, 'study', 'studies')}`
            : undefined
        }
      />
      {recent.error && !recent.data ? (
        <ProblemView error={recent.error} retry={() => recent.refetch()} />
      ) : recent.data?.items.length === 0 ? (
        <Welcome project={project} />
      ) : (
        <Stack px={24} pb={48} gap={32}>
          <Part
            title="Arrived last"
            link={
              <Link to="/projects/$project/datasets" params={{ project }}>
                All series
              </Link>
            }
          >
            <div className={classes.strip}>
              {recent.isPending
                ? [1, 2, 3, 4, 5, 6].map((key) => <Skeleton key={key} w={140} h={140} />)
                : recent.data?.items.map((series) => <Thumb key={series.id} project={project} series={series} />)}
            </div>
          </Part>
          <SimpleGrid cols={{ base: 1, md: 3 }} spacing={32}>
            <Part title="Running now">
              <Runs project={project} runs={running.data?.items} none="Nothing at the moment." />
            </Part>
            <Part title="Failed">
              <Runs project={project} runs={failed.data?.items} none="Nothing. Good." />
            </Part>
            <Part
              title="Done"
              link={
                <Link to="/projects/$project/runs" params={{ project }}>
                  All runs
                </Link>
              }
            >
              <Runs project={project} runs={done.data?.items} none="No run has finished yet." />
            </Part>
          </SimpleGrid>
          <Part title="Datasets">
            <Stack gap={6}>
              {datasets.data?.items.length === 0 && (
                <Text c="dimmed">None yet. Choose series in Datasets and add them to one.</Text>
              )}
              {datasets.data?.items.map((one) => (
                <Group key={one.name} gap={12}>
                  <Anchor
                    renderRoot={(props) => (
                      <Link
                        to="/projects/$project/datasets"
                        params={{ project }}
                        search={{ dataset: one.name }}
                        {...props}
                      />
                    )}
                  >
                    {one.name}
                  </Anchor>
                  <Text c="dimmed" fz="sm">
                    {counted(one.series_count, 'series', 'series')} · version {one.version}
                  </Text>
                </Group>
              ))}
            </Stack>
          </Part>
        </Stack>
      )}
    </>
  );
}

function Part({ title, link, children }: { title: string; link?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} style={{ minWidth: 0 }}>
      <Group justify="space-between" mb={12}>
        <Title order={2}>{title}</Title>
        <span className={classes.more}>{link}</span>
      </Group>
      {children}
    </section>
  );
}

function Thumb({ project, series }: { project: string; series: SeriesItem }) {
  return (
    <Link to="/projects/$project/series/$series" params={{ project, series: series.id }} className={classes.thumb}>
      <div className={classes.picture}>
        <Picture series={series} />
      </div>
      <div className="truncate">{series.description || series.modality}</div>
      <Text fz="xs" c="dimmed">
        {series.modality} · <Age moment={series.received_at} />
      </Text>
    </Link>
  );
}

function Runs({ project, runs, none }: { project: string; runs: RunItem[] | undefined; none: string }) {
  if (!runs) return <Skeleton h={40} />;
  if (runs.length === 0) return <Text c="dimmed">{none}</Text>;
  return (
    <Stack gap={8}>
      {runs.map((run) => (
        <Link key={run.id} to="/projects/$project/runs/$run" params={{ project, run: run.id }} className={classes.run}>
          <StateMark state={run.state} bare />
          <span className="truncate">{run.title}</span>
          <Text span c="dimmed" fz="xs" ml="auto">
            <Age moment={run.finished_at ?? run.created_at} />
          </Text>
        </Link>
      ))}
    </Stack>
  );
}

function Welcome({ project }: { project: string }) {
  return (
    <EmptyState icon={IconPhotoPlus} title="No image has arrived yet">
      <Stack gap={12}>
        <span>
          Send a study from a scanner or PACS to the AE title <code>kp-{project}</code>, drop files in{' '}
          <Link to="/projects/$project/datasets" params={{ project }} className={classes.link}>
            Datasets
          </Link>
          , or import a folder:
        </span>
        <CommandLine command={`kahua import FOLDER --project ${project}`} />
      </Stack>
    </EmptyState>
  );
}
