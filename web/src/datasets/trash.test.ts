import { expect, test } from 'vitest';
import { restoredWords } from './trash';

test.each([
  [{ restored: 1, duplicates: 0, conflicts: 0 }, '1 instance restored.'],
  [{ restored: 3, duplicates: 2, conflicts: 0 }, '3 instances restored; 2 had come in again meanwhile.'],
  [
    { restored: 0, duplicates: 0, conflicts: 4 },
    '0 instances restored; 4 are in quarantine, for others have their UIDs now.',
  ],
])('what came back is said in words: %j', (counts, words) => {
  expect(restoredWords(counts)).toBe(words);
});
