import { Button, Code, Collapse, Group, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { asProblem } from '~/api';

interface Props {
  error: unknown;
  retry?: () => void;
}

/** An error as an answer: what happened, what to do now; the code and the details behind one click. */
export function ProblemView({ error, retry }: Props) {
  const problem = asProblem(error);
  const [open, { toggle }] = useDisclosure(false);
  const Icon = problem.isOffline ? IconPlugConnectedX : IconAlertTriangle;
  return (
    <Stack role="alert" gap={8} maw={560} p="lg" align="flex-start">
      <Group gap={8} wrap="nowrap">
        <Icon size={20} stroke={1.5} color="var(--kahua-warn)" aria-hidden />
        <Title order={2}>{problem.message}</Title>
      </Group>
      {problem.remedy && <Text c="dimmed">{problem.remedy}</Text>}
      <Group gap={16}>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
        <UnstyledButton onClick={toggle} aria-expanded={open} fz="xs" c="dimmed" td="underline">
          Details
        </UnstyledButton>
      </Group>
      <Collapse expanded={open}>
        <Code block fz="xs">
          {JSON.stringify({ ...problem.details, code: problem.code }, null, 2)}
        </Code>
      </Collapse>
    </Stack>
  );
}

/** The same in one line, under a field or beside a button. */
export function ProblemLine({ error }: { error: unknown }) {
  if (!error) return null;
  const problem = asProblem(error);
  return (
    <Text role="alert" c="var(--mantine-color-error)" fz="sm">
      {problem.message} {problem.remedy}
    </Text>
  );
}
