import { expect, test } from 'vitest';
import { progressWords } from './pulls';

const NOTHING = { items: {}, received: 0, duplicates: 0, refused: 0 };

test.each([
  [{ ...NOTHING, state: 'active' }, 'Bringing in: 0 instances'],
  [{ ...NOTHING, state: 'done', received: 1 }, 'Brought in: 1 instance'],
  [
    { state: 'done', items: { failed: 1 }, received: 3, duplicates: 2, refused: 1 },
    'Ended: 3 instances, 2 were here before, 1 refused, 1 failed',
  ],
  [{ ...NOTHING, state: 'cancelled', received: 4 }, 'Cancelled: 4 instances'],
])('progress is said in words: %j', (pull, words) => {
  expect(progressWords(pull)).toBe(words);
});
