import { asProblem, type QuarantineItem } from '~/api';
import { counted } from '~/common';

/** What became of objects that were tried again: how many are stored, and why the others are not. */
export interface Outcome {
  stored: number;
  refused: string[];
}

/** Address of the object of an item, to download. */
export function objectAddress(project: string, item: string): string {
  return `/api/projects/${encodeURIComponent(project)}/quarantine/${encodeURIComponent(item)}/object`;
}

/** Whether an object was held back after it had been de-identified, for a person to look at. */
export const isHeld = (item: Pick<QuarantineItem, 'reason_code'>) => item.reason_code === 'held-back';

/** Store objects again, one after the other; one that is refused does not hinder the others. */
export async function storeAgain(items: readonly string[], store: (item: string) => Promise<unknown>) {
  const outcome: Outcome = { stored: 0, refused: [] };
  for (const item of items) {
    try {
      await store(item);
      outcome.stored += 1;
    } catch (error) {
      outcome.refused.push(asProblem(error).message);
    }
  }
  return outcome;
}

/** The outcome in a sentence; reasons that differ are left to the list, which has them all. */
export function outcomeWords({ stored, refused }: Outcome): string {
  const reasons = [...new Set(refused)];
  const parts = [];
  if (stored) parts.push(`${counted(stored, 'object')} stored.`);
  if (reasons.length === 1) parts.push(`${counted(refused.length, 'object')} refused again: ${reasons[0]}`);
  if (reasons.length > 1) parts.push(`${counted(refused.length, 'object')} refused again; the list says why.`);
  return parts.join(' ');
}
