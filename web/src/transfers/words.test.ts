import { expect, it } from 'vitest';
import { canRetry, instanceWords, seriesWords, shares, stateWord } from './words';

const order = { state: 'done', items: { done: 3 } };

it('an order says how far it is', () => {
  expect(stateWord(order)).toBe('Done');
  expect(stateWord({ ...order, items: { done: 2, failed: 1 } })).toBe('Ended with failures');
  expect(stateWord({ state: 'active', items: { waiting: 1 } })).toBe('Going on');
  expect(seriesWords({ state: 'active', items: { done: 2, failed: 1, waiting: 4 } })).toBe(
    '2 of 7 series, 1 failed, 4 waiting',
  );
});

it('what became of instances is said of either direction', () => {
  expect(instanceWords({ ...order, received: 1, duplicates: 2, refused: 0 })).toBe('1 instance, 2 were here before');
  expect(instanceWords({ ...order, sent: 5, failed: 1, held_back: 2 })).toBe(
    '5 instances, 1 refused, 2 held back by de-identification',
  );
});

it('only what is not done can be tried again', () => {
  expect(canRetry(order)).toBe(false);
  expect(canRetry({ state: 'done', items: { failed: 1 } })).toBe(true);
  expect(canRetry({ state: 'active', items: { waiting: 1 } })).toBe(true);
  expect(canRetry({ state: 'cancelled', items: { done: 1, cancelled: 1 } })).toBe(true);
});

it('a bar shows the share of each end', () => {
  expect(shares({ done: 1, failed: 1, waiting: 2 })).toEqual([
    { state: 'done', percent: 25 },
    { state: 'failed', percent: 25 },
  ]);
  expect(shares({})).toEqual([]);
});
