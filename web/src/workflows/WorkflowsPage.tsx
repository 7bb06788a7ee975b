import { Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconBinaryTree2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { WorkflowItem } from '~/api';
import { CommandLine, counted, EmptyState, PageHeader, ProblemView } from '~/common';
import { type Choice, readChoice } from '~/datasets';
import { workflowsQuery } from './requests';

interface Props {
  project: string;
  /** Series or dataset that was chosen before, to be carried along. */
  choice: Choice & { dataset?: string | undefined };
}

export const addressOf = (name: string): { extension: string; workflow: string } => {
  const [extension = '', workflow = ''] = name.split('/');
  return { extension, workflow };
};

/** Everything that can be run in a project. */
export function WorkflowsPage({ project, choice }: Props) {
  const workflows = useQuery(workflowsQuery(project));
  const number = readChoice(choice)?.length;
  if (workflows.error && !workflows.data)
    return <ProblemView error={workflows.error} retry={() => workflows.refetch()} />;
  return (
    <>
      <PageHeader
        title="Workflows"
        description={
          number
            ? `Choose what to run on ${counted(number, 'series', 'series')}.`
            : 'What can be run on the images of this project.'
        }
      />
      {workflows.data?.items.length === 0 && (
        <EmptyState icon={IconBinaryTree2} title="No workflow is installed">
          <Stack gap={12}>
            <span>Workflows come in extensions. An administrator installs them:</span>
            <CommandLine command="kahua extension install extensions/brain-extraction" />
          </Stack>
        </EmptyState>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3, xl: 4 }} spacing={16} px={24} pb={24}>
        {workflows.isPending && [1, 2, 3].map((key) => <Skeleton key={key} h={160} />)}
        {workflows.data?.items.map((one) => (
          <Card key={one.name} project={project} workflow={one} choice={choice} />
        ))}
      </SimpleGrid>
    </>
  );
}

function Card({ project, workflow, choice }: { project: string; workflow: WorkflowItem; choice: Props['choice'] }) {
  return (
    <Paper withBorder p={16} style={{ borderColor: 'var(--kahua-line)', display: 'flex', flexDirection: 'column' }}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Title order={2}>{workflow.title}</Title>
        <Text c="dimmed" fz="xs">
          {workflow.version}
        </Text>
      </Group>
      <Text c="dimmed" mt={4} style={{ flex: 1 }} lineClamp={3}>
        {workflow.description}
      </Text>
      <Group justify="space-between" mt={16}>
        <Group gap={6}>
          {workflow.modality.map((one) => (
            <Badge key={one} variant="default">
              {one}
            </Badge>
          ))}
          {workflow.maturity !== 'stable' && (
            <Badge variant="default" c="var(--kahua-warn)">
              {workflow.maturity}
            </Badge>
          )}
        </Group>
        {workflow.state === 'building' ? (
          <Text fz="sm" c="dimmed">
            Being prepared …
          </Text>
        ) : (
          <Button
            size="xs"
            variant={workflow.state === 'failed' ? 'default' : 'light'}
            renderRoot={(props) => (
              <Link
                to="/projects/$project/workflows/$extension/$workflow"
                params={{ project, ...addressOf(workflow.name) }}
                search={{ ...choice }}
                {...props}
              />
            )}
          >
            {workflow.state === 'failed' ? 'See why it is not ready' : 'Open'}
          </Button>
        )}
      </Group>
    </Paper>
  );
}
