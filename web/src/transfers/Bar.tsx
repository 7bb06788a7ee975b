import { Progress } from '@mantine/core';
import { seriesWords, shares } from './words';

const COLOURS: Record<string, string> = {
  done: 'var(--kahua-good)',
  failed: 'var(--kahua-bad)',
  cancelled: 'var(--mantine-color-dimmed)',
};

/** How many series of an order are done, failed and cancelled, as one bar. */
export function Bar({ state, items }: { state: string; items: Record<string, number> }) {
  const words = seriesWords({ state, items });
  return (
    <Progress.Root size={6} role="img" aria-label={words} title={words}>
      {shares(items).map((share) => (
        <Progress.Section key={share.state} value={share.percent} color={COLOURS[share.state] ?? ''} withAria={false} />
      ))}
    </Progress.Root>
  );
}
