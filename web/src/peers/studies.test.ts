import { expect, test } from 'vitest';
import { presence } from './studies';

test.each([
  [{ instances: 10, instances_here: 0 }, 'nothing'],
  [{ instances: 10, instances_here: 4 }, '4 of 10'],
  [{ instances: 10, instances_here: 10 }, 'all of it'],
  [{ instances: null, instances_here: 4 }, '4 instances'],
])('how much is here is said in words: %j', (counts, words) => {
  expect(presence(counts)).toBe(words);
});
