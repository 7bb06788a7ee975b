import { describe, expect, it } from 'vitest';
import { canCancel, canResume, elapsed, inWords, RUN_STATES, shares, stateStyle } from './states';

describe('states of runs', () => {
  it('have a word and a colour each', () => {
    expect(RUN_STATES.map((state) => stateStyle(state).word)).toEqual([
      'Queued',
      'Running',
      'Cancelling',
      'Succeeded',
      'Failed',
      'Cancelled',
    ]);
  });

  it('are shown by their own name when they are new', () => {
    expect(stateStyle('paused')).toMatchObject({ word: 'paused', isLive: false });
  });

  it('decide what can be done', () => {
    expect(RUN_STATES.filter(canCancel)).toEqual(['queued', 'running']);
    expect(RUN_STATES.filter(canResume)).toEqual(['failed', 'cancelled']);
  });

  it('share a bar with what is done in front', () => {
    expect(shares({ queued: 1, succeeded: 2, failed: 1, running: 0 })).toEqual([
      { state: 'succeeded', count: 2, percent: 50 },
      { state: 'failed', count: 1, percent: 25 },
      { state: 'queued', count: 1, percent: 25 },
    ]);
  });

  it('are told in words', () => {
    expect(inWords({ succeeded: 3, failed: 1, queued: 33 })).toBe('3 of 37 done, 1 failed');
    expect(inWords({ succeeded: 2 })).toBe('2 of 2 done');
  });

  it('last until they end, or until now', () => {
    const now = Date.parse('2024-01-01T00:01:00Z');
    expect(elapsed('2024-01-01T00:00:00Z', null, now)).toBe(60);
    expect(elapsed('2024-01-01T00:00:00Z', '2024-01-01T00:00:05Z', now)).toBe(5);
    expect(elapsed(null, null, now)).toBeNull();
  });
});
