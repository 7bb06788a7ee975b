import type { Delivery, Pull } from '~/api';
import { counted } from '~/common';

type Counted = Pick<Pull, 'state' | 'items'> &
  Partial<Pick<Delivery, 'sent' | 'failed' | 'held_back'>> &
  Partial<Pick<Pull, 'received' | 'duplicates' | 'refused'>>;

/** What may still be tried again: what failed, was cancelled, or waits for its next try. */
export const canRetry = ({ state, items }: Counted): boolean =>
  Boolean(items.failed || items.cancelled || (state === 'active' && items.waiting));

/** The state of an order in a word; one that ended with failures says so. */
export function stateWord({ state, items }: Counted): string {
  if (state === 'active') return 'Going on';
  if (state === 'cancelled') return 'Cancelled';
  return items.failed ? 'Ended with failures' : 'Done';
}

/** How many of its series are done. */
export function seriesWords({ items }: Counted): string {
  const all = Object.values(items).reduce((sum, each) => sum + each, 0);
  const others = (['failed', 'cancelled', 'waiting'] as const)
    .filter((state) => items[state])
    .map((state) => `${items[state]} ${state}`);
  return [`${items.done ?? 0} of ${counted(all, 'series', 'series')}`, ...others].join(', ');
}

/** What became of the instances. */
export function instanceWords(order: Counted): string {
  const { sent, failed, held_back, received, duplicates, refused } = order;
  const parts = [counted(sent ?? received ?? 0, 'instance')];
  if (duplicates) parts.push(`${duplicates} were here before`);
  if (refused || failed) parts.push(`${refused || failed} refused`);
  if (held_back) parts.push(`${held_back} held back by de-identification`);
  return parts.join(', ');
}

/** Share of the items in each state, in percent, for a bar. */
export function shares(items: Record<string, number>): { state: string; percent: number }[] {
  const all = Object.values(items).reduce((sum, each) => sum + each, 0);
  return ['done', 'failed', 'cancelled']
    .map((state) => ({ state, percent: all ? (100 * (items[state] ?? 0)) / all : 0 }))
    .filter(({ percent }) => percent > 0);
}
