import { Code, Paper, Stack, Text } from '@mantine/core';
import type { Failure } from '~/api';

/** Why something failed: the cause, the evidence, the next step. */
export function FailureBox({ failure, of }: { failure: Failure; of?: string }) {
  return (
    <Paper withBorder p={16} role="alert" style={{ borderColor: 'var(--kahua-bad)' }}>
      <Stack gap={8}>
        <Text fw={600} c="var(--kahua-bad)">
          {of ? `${of}: ` : ''}
          {failure.cause}
        </Text>
        {failure.evidence.length > 0 && (
          <Code block fz="xs" mah={200} style={{ overflow: 'auto' }} tabIndex={0}>
            {failure.evidence.join('\n')}
          </Code>
        )}
        {failure.next_step && <Text>{failure.next_step}</Text>}
      </Stack>
    </Paper>
  );
}
