import type { Restored } from '~/api';
import { counted } from '~/common';

type Counts = Pick<Restored, 'restored' | 'duplicates' | 'conflicts'>;

/** What came back, and what did not and why. */
export function restoredWords({ restored, duplicates, conflicts }: Counts): string {
  const parts = [`${counted(restored, 'instance')} restored`];
  if (duplicates) parts.push(`${duplicates} had come in again meanwhile`);
  if (conflicts) parts.push(`${conflicts} are in quarantine, for others have their UIDs now`);
  return `${parts.join('; ')}.`;
}
