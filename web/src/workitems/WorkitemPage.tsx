import { Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { allows, useProject } from '~/access';
import type { WorkitemDetail } from '~/api';
import { Age, CopyText, exact, PageHeader, PageSkeleton, ProblemView, personName } from '~/common';
import { CancelWorkitem } from './CancelWorkitem';
import { Parts } from './Parts';
import { workitemQuery } from './requests';
import { WorkitemState } from './WorkitemState';
import { inWords, isLive, nowWords, percentOf, whoWords } from './words';

interface Props {
  project: string;
  workitem: string;
}

/** A workitem: what it wants, on which images, how far it is, what came of it. */
export function WorkitemPage({ project, workitem: uid }: Props) {
  const mine = useProject(project);
  const query = useQuery(workitemQuery(project, uid));
  if (query.error && !query.data) return <ProblemView error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <PageSkeleton />;
  const workitem = query.data;
  return (
    <>
      <PageHeader
        title={workitem.label}
        description={<Summary workitem={workitem} />}
        actions={
          isLive(workitem.state) &&
          allows(mine, 'workitem.write') && <CancelWorkitem project={project} workitem={workitem} />
        }
      />
      <Stack gap={28} px={24} pb={48}>
        <Now project={project} workitem={workitem} />
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing={32} verticalSpacing={28}>
          <Section title="To work on">
            <Parts project={project} parts={workitem.inputs} empty="It names no images." />
          </Section>
          <Section title="What came of it">
            <Parts
              project={project}
              parts={workitem.outputs}
              empty={workitem.state === 'COMPLETED' ? 'No images came of it.' : 'Nothing yet.'}
            />
          </Section>
          <Section title="What is wanted">
            <Facts project={project} workitem={workitem} />
          </Section>
          <Section title="History">
            <History workitem={workitem} />
          </Section>
        </SimpleGrid>
      </Stack>
    </>
  );
}

function Summary({ workitem }: { workitem: WorkitemDetail }) {
  return (
    <Group gap={12} fz="sm">
      <WorkitemState state={workitem.state} />
      <span>{whoWords(workitem)}</span>
      <span className="patient">
        {[personName(workitem.patient_name), workitem.patient_id].filter(Boolean).join(' · ')}
      </span>
      <span>
        ordered by {workitem.created_by}, <Age moment={workitem.created_at} />
      </span>
    </Group>
  );
}

function Now({ project, workitem }: { project: string; workitem: WorkitemDetail }) {
  const percent = percentOf(workitem);
  const now = nowWords(workitem);
  if (!now && percent === null && !workitem.run) return null;
  return (
    <Stack gap={8}>
      {percent !== null && <Progress value={percent} size={6} aria-label="Progress" />}
      <Group gap={12} role="status">
        {now && <Text style={{ overflowWrap: 'anywhere' }}>{now}</Text>}
        {workitem.run && (
          <Link to="/projects/$project/runs/$run" params={{ project, run: workitem.run }} search={{}}>
            Show the run
          </Link>
        )}
      </Group>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap={10} component="section" aria-label={title} miw={0}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  );
}

const PRIORITIES: Record<string, string> = { HIGH: 'High', MEDIUM: 'Medium', LOW: 'Low' };
const READINESS: Record<string, string> = {
  READY: 'ready',
  INCOMPLETE: 'incomplete: more is to come',
  UNAVAILABLE: 'not available yet',
};

function Facts({ project, workitem }: { project: string; workitem: WorkitemDetail }) {
  const [extension = '', name = ''] = workitem.workflow.split('/');
  return (
    <Stack gap={6}>
      <Fact name="Work">{workitem.code || 'not said'}</Fact>
      {workitem.workflow && (
        <Fact name="Workflow">
          <Link
            to="/projects/$project/workflows/$extension/$workflow"
            params={{ project, extension, workflow: name }}
            search={{}}
          >
            {workitem.workflow}
          </Link>
        </Fact>
      )}
      {workitem.parameters.map((one) => (
        <Fact key={one.name} name={one.name}>
          {one.value}
        </Fact>
      ))}
      <Fact name="Not before">{exact(workitem.starts_at)}</Fact>
      <Fact name="Priority">{PRIORITIES[workitem.priority] ?? workitem.priority}</Fact>
      <Fact name="Images">{READINESS[workitem.readiness] ?? workitem.readiness}</Fact>
      {workitem.station && <Fact name="Station">{workitem.station}</Fact>}
      <Fact name="Worklist">{workitem.worklist}</Fact>
      {workitem.comments && <Fact name="Comments">{workitem.comments}</Fact>}
      <Fact name="UID">
        <CopyText text={workitem.uid} length={36} />
      </Fact>
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Group gap={12} wrap="nowrap" align="flex-start">
      <Text c="dimmed" fz="sm" w={96} style={{ flex: 'none', overflowWrap: 'anywhere' }}>
        {name}
      </Text>
      <Text component="div" fz="sm" miw={0} style={{ overflowWrap: 'anywhere' }}>
        {children}
      </Text>
    </Group>
  );
}

function History({ workitem }: { workitem: WorkitemDetail }) {
  if (workitem.history.length === 0) return <Text c="dimmed">Nothing was noted.</Text>;
  return (
    <Stack gap={6} component="ol" m={0} p={0} style={{ listStyle: 'none' }}>
      {workitem.history.map((event) => (
        <Group key={`${event.at} ${event.what}`} component="li" gap={8} fz="sm" wrap="nowrap">
          <Text span fz="sm" w={170} style={{ flex: 'none' }}>
            {inWords(event.what)}
          </Text>
          <Text span fz="sm" c="dimmed" miw={0}>
            <Age moment={event.at} />
            {event.by && `, by ${event.by}`}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
