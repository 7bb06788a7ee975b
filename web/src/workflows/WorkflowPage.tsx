import { Alert, Badge, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { WorkflowDetail } from '~/api';
import { PageHeader, ProblemView } from '~/common';
import type { Choice } from '~/datasets';
import { RunForm } from './RunForm';
import { workflowQuery } from './requests';
import { needs } from './resources';
import classes from './workflows.module.css';

export interface WorkflowView extends Choice {
  dataset?: string | undefined;
}

interface Props {
  project: string;
  extension: string;
  workflow: string;
  view: WorkflowView;
  /** Change the data that is worked on, which stands in the address. */
  onView: (view: WorkflowView) => void;
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap={4}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  );
}

function Card({ workflow }: { workflow: WorkflowDetail }) {
  return (
    <Stack gap={20} miw={0}>
      <Text>{workflow.description}</Text>
      <Part title="Takes">
        {workflow.inputs.map((input) => (
          <Text key={input.name}>
            {input.title || input.name}: {input.type}
            {input.modality.length > 0 && `, ${input.modality.join(' or ')}`}
            {input.minimum_slices > 1 && `, at least ${input.minimum_slices} slices`}
          </Text>
        ))}
      </Part>
      <Part title="Gives">
        {workflow.outputs.map((output) => (
          <Text key={output.name}>
            {output.title || output.name}: {output.type}
          </Text>
        ))}
      </Part>
      <Part title="Needs">
        {workflow.resources.map((step) => (
          <Text key={String(step.step)}>{needs(step)}</Text>
        ))}
      </Part>
      <Part title="Licence">
        <Text>{workflow.licence}</Text>
      </Part>
      {workflow.citation && (
        <Part title="Cite as">
          <Code block style={{ whiteSpace: 'pre-wrap', fontFamily: 'inherit', fontSize: 13 }}>
            {workflow.citation}
          </Code>
        </Part>
      )}
    </Stack>
  );
}

/** A workflow: what it does at the left, the form that starts it at the right. */
export function WorkflowPage({ project, extension, workflow, view, onView }: Props) {
  const query = useQuery(workflowQuery(project, extension, workflow));
  if (query.error && !query.data) return <ProblemView error={query.error} retry={() => query.refetch()} />;
  if (!query.data)
    return (
      <Stack p={24}>
        <Skeleton h={32} w={300} />
        <Skeleton h={320} />
      </Stack>
    );
  const shown = query.data;
  return (
    <>
      <PageHeader
        title={shown.title}
        description={
          <Group gap={8}>
            <span className="mono">
              {shown.name} {shown.version}
            </span>
            <Badge variant="default">{shown.maturity}</Badge>
          </Group>
        }
      />
      <div className={classes.columns}>
        <Card workflow={shown} />
        {shown.state === 'ready' ? (
          <RunForm project={project} workflow={shown} view={view} onView={onView} />
        ) : (
          <Alert variant="light" color="yellow" title="It cannot be started yet">
            {shown.error || 'Its environment is being prepared.'}
          </Alert>
        )}
      </div>
    </>
  );
}
