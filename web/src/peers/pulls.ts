import type { Pull } from '~/api';
import { counted } from '~/common';

type Progress = Pick<Pull, 'state' | 'items' | 'received' | 'duplicates' | 'refused'>;

/** How far a pull is, or how it ended. */
export function progressWords({ state, items, received, duplicates, refused }: Progress): string {
  const parts = [counted(received, 'instance')];
  if (duplicates) parts.push(`${duplicates} were here before`);
  if (refused) parts.push(`${refused} refused`);
  const failed = items.failed ?? 0;
  if (failed) parts.push(`${failed} failed`);
  const start = { active: 'Bringing in', done: failed ? 'Ended' : 'Brought in', cancelled: 'Cancelled' }[state];
  return `${start ?? state}: ${parts.join(', ')}`;
}
