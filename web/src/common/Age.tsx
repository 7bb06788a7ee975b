import { Tooltip } from '@mantine/core';
import { useInterval } from '@mantine/hooks';
import { useState } from 'react';
import { age, exact } from './format';

/** "12 min ago", with the exact time on hover. */
export function Age({ moment }: { moment: string | null | undefined }) {
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), 20_000, { autoInvoke: true });
  if (!moment) return null;
  return (
    <Tooltip label={exact(moment)}>
      <time dateTime={moment} style={{ whiteSpace: 'nowrap' }}>
        {age(moment, now)}
      </time>
    </Tooltip>
  );
}
