import type { WorkitemDetail, WorkitemItem } from '~/api';

/** The states of a workitem, in the order of its life. */
export const STATES = ['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'] as const;
export type StateName = (typeof STATES)[number];

export const isState = (text: string | undefined): text is StateName => STATES.some((state) => state === text);

/** Whether it can still change. */
export const isLive = (state: string): boolean => state === 'SCHEDULED' || state === 'IN PROGRESS';

const WORDS: Record<string, string> = {
  SCHEDULED: 'Scheduled',
  'IN PROGRESS': 'In progress',
  COMPLETED: 'Completed',
  CANCELED: 'Canceled',
  'CANCEL REQUESTED': 'Cancellation requested',
};

/** A state, or what happened, as people write it; what is unknown is shown by its own name. */
export const inWords = (state: string): string => WORDS[state] ?? state;

/** Who does it, or for whom it is meant. */
export function whoWords({ state, performer, station, workflow }: WorkitemItem): string {
  if (performer) return `by ${performer}`;
  if (!isLive(state)) return '';
  if (station) return `for ${station}`;
  return workflow ? 'for this site' : 'for whoever claims it';
}

/** What a person wants to know first: what it waits for, what is being done, or why it ended. */
export function nowWords(workitem: WorkitemItem & Partial<Pick<WorkitemDetail, 'waits_for'>>): string {
  const { state, doing, cancel_reason, cancel_requested_at, waits_for } = workitem;
  if (state === 'CANCELED') return cancel_reason || 'No reason was given.';
  if (state === 'IN PROGRESS' && cancel_requested_at)
    return `Cancellation was asked for${cancel_reason ? `: ${cancel_reason}` : '.'}`;
  return (state === 'SCHEDULED' ? waits_for : doing) ?? '';
}

/** How much is done, for a bar: what is completed is, whatever its performer said last. */
export const percentOf = ({ state, percent }: Pick<WorkitemItem, 'state' | 'percent'>): number | null =>
  state === 'COMPLETED' ? 100 : state === 'IN PROGRESS' ? percent : null;
