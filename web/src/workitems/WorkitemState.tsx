import { Group, Text } from '@mantine/core';
import { type Icon, IconBan, IconCircleCheck, IconCircleDashed, IconLoader2 } from '@tabler/icons-react';
import { inWords } from './words';

const SIGNS: Record<string, [Icon, string]> = {
  'IN PROGRESS': [IconLoader2, 'var(--kahua-live)'],
  COMPLETED: [IconCircleCheck, 'var(--kahua-good)'],
  CANCELED: [IconBan, 'var(--kahua-warn)'],
};

/** A state by sign, colour and word; never by colour alone. */
export function WorkitemState({ state }: { state: string }) {
  const [Sign, colour] = SIGNS[state] ?? [IconCircleDashed, 'var(--kahua-quiet)'];
  return (
    <Group gap={6} wrap="nowrap" c={colour} style={{ flex: 'none' }}>
      <Sign size={16} stroke={1.75} aria-hidden />
      <Text span fz="sm" c={colour}>
        {inWords(state)}
      </Text>
    </Group>
  );
}
