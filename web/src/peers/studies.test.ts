import { expect, test } from 'vitest';
import { foundInWords, MOST_STUDIES, presence } from './studies';

test.each([
  [{ instances: 10, instances_here: 0 }, 'nothing'],
  [{ instances: 10, instances_here: 4 }, '4 of 10'],
  [{ instances: 10, instances_here: 10 }, 'all of it'],
  [{ instances: null, instances_here: 4 }, '4 instances'],
])('how much is here is said in words: %j', (counts, words) => {
  expect(presence(counts)).toBe(words);
});

test.each([
  [1, '1 study'],
  [MOST_STUDIES - 1, '99 studies'],
])('%i found studies are all there are', (found, words) => {
  expect(foundInWords(found)).toBe(words);
});

test('where as many are found as are shown, more may be there', () => {
  expect(foundInWords(MOST_STUDIES)).toContain('there may be more');
});
