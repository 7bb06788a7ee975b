import { Group, Text } from '@mantine/core';
import {
  type Icon,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconLoader2,
  IconPlayerSkipForward,
} from '@tabler/icons-react';
import classes from './runs.module.css';
import { stateStyle } from './states';

const ICONS: Record<string, Icon> = {
  running: IconLoader2,
  cancelling: IconLoader2,
  succeeded: IconCircleCheck,
  failed: IconCircleX,
  lost: IconCircleX,
  cancelled: IconBan,
  skipped: IconPlayerSkipForward,
};

/** A state by sign, colour and word; never by colour alone. */
export function StateMark({ state, bare = false }: { state: string; bare?: boolean }) {
  const { word, colour } = stateStyle(state);
  const Sign = ICONS[state] ?? IconCircleDashed;
  const turns = state === 'running' || state === 'cancelling';
  return (
    <Group gap={6} wrap="nowrap" c={colour} style={{ flex: 'none' }}>
      <Sign
        size={16}
        stroke={1.75}
        className={turns ? classes.turning : undefined}
        role={bare ? 'img' : undefined}
        aria-label={bare ? word : undefined}
        aria-hidden={!bare}
      />
      {!bare && (
        <Text span fz="sm" c={colour}>
          {word}
        </Text>
      )}
    </Group>
  );
}
