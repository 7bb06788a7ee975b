import { Group, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import type { Attempt, Task } from '~/api';
import { duration, size } from '~/common';
import { FailureBox } from './FailureBox';
import { LogPanel } from './LogPanel';
import { StateMark } from './StateMark';
import { elapsed } from './states';

interface Props {
  project: string;
  run: string;
  task: Task;
  /** Number of the attempt that is shown; the last one by default. */
  attempt: number | undefined;
  onAttempt: (number: number) => void;
}

function factsOf(attempt: Attempt): string {
  const seconds = elapsed(attempt.started_at, attempt.finished_at);
  return [
    seconds !== null && duration(seconds),
    attempt.peak_memory_bytes !== null && `at most ${size(attempt.peak_memory_bytes)} of memory`,
    attempt.exit_code !== null && attempt.exit_code !== 0 && `exit status ${attempt.exit_code}`,
    attempt.host && `on ${attempt.host}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A task with its attempts and the log of one of them. */
export function TaskPanel({ project, run, task, attempt: number, onAttempt }: Props) {
  const attempt = task.attempts.find((one) => one.number === number) ?? task.attempts.at(-1);
  return (
    <Stack gap={12} h="100%" miw={0} component="section" aria-label={`Task ${task.title || task.name}`}>
      <Group justify="space-between" wrap="nowrap">
        <Title order={2} className="truncate">
          {task.title || task.name}
        </Title>
        <StateMark state={task.state} />
      </Group>
      {task.failure && <FailureBox failure={task.failure} />}
      {task.attempts.length > 1 && (
        <SegmentedControl
          size="xs"
          data={task.attempts.map((one) => ({ value: String(one.number), label: `Attempt ${one.number}` }))}
          value={String(attempt?.number)}
          onChange={(value) => onAttempt(Number(value))}
        />
      )}
      {attempt ? (
        <>
          <Text fz="xs" c="dimmed">
            {factsOf(attempt)}
          </Text>
          <LogPanel
            key={`${task.id}-${attempt.number}`}
            place={{ project, run, task: task.id, number: attempt.number }}
          />
        </>
      ) : (
        <Text c="dimmed">
          {task.after.length ? `Not started: it waits for ${task.after.join(', ')}.` : 'Not started yet.'}
        </Text>
      )}
    </Stack>
  );
}
