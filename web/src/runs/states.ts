/** How a state is told: its word, its colour, and whether it can still change. */
export interface StateStyle {
  word: string;
  colour: string;
  isLive: boolean;
}

const STATES: Record<string, StateStyle> = {
  queued: { word: 'Queued', colour: 'var(--kahua-quiet)', isLive: true },
  waiting: { word: 'Waiting', colour: 'var(--kahua-quiet)', isLive: true },
  running: { word: 'Running', colour: 'var(--kahua-live)', isLive: true },
  cancelling: { word: 'Cancelling', colour: 'var(--kahua-warn)', isLive: true },
  succeeded: { word: 'Succeeded', colour: 'var(--kahua-good)', isLive: false },
  failed: { word: 'Failed', colour: 'var(--kahua-bad)', isLive: false },
  lost: { word: 'Lost', colour: 'var(--kahua-bad)', isLive: false },
  cancelled: { word: 'Cancelled', colour: 'var(--kahua-warn)', isLive: false },
  skipped: { word: 'Skipped', colour: 'var(--kahua-quiet)', isLive: false },
};

/** A state that this version does not know is shown by its own name, never hidden. */
export const stateStyle = (state: string): StateStyle =>
  STATES[state] ?? { word: state, colour: 'var(--kahua-quiet)', isLive: false };

/** The order in which jobs' states stand in a progress bar: done first, what is open last. */
export const BAR_ORDER = ['succeeded', 'failed', 'cancelled', 'skipped', 'running', 'queued', 'waiting'];

export const RUN_STATES = ['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
export type RunStateName = (typeof RUN_STATES)[number];

export const isRunState = (text: string | undefined): text is RunStateName =>
  RUN_STATES.some((state) => state === text);

/** What may be done with a run in a state. */
export const canCancel = (state: string): boolean => state === 'queued' || state === 'running';
export const canResume = (state: string): boolean => state === 'failed' || state === 'cancelled';

/** Jobs by state, in the order of the bar, each with its share of all. */
export function shares(jobsByState: Record<string, number>): { state: string; count: number; percent: number }[] {
  const total = Object.values(jobsByState).reduce((sum, count) => sum + count, 0);
  const place = (state: string) => (BAR_ORDER.includes(state) ? BAR_ORDER.indexOf(state) : BAR_ORDER.length);
  return Object.entries(jobsByState)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([state, count]) => ({ state, count, percent: (100 * count) / total }));
}

/** "3 of 37 done, 1 failed": a bar in words. */
export function inWords(jobsByState: Record<string, number>): string {
  const total = Object.values(jobsByState).reduce((sum, count) => sum + count, 0);
  const failed = jobsByState.failed ?? 0;
  return `${jobsByState.succeeded ?? 0} of ${total} done${failed ? `, ${failed} failed` : ''}`;
}

/** Seconds that something took, or has taken until now. */
export function elapsed(started: string | null, finished: string | null, now: number = Date.now()): number | null {
  return started ? ((finished ? Date.parse(finished) : now) - Date.parse(started)) / 1000 : null;
}
