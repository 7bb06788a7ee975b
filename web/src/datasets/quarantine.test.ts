import { expect, test } from 'vitest';
import { objectAddress, outcomeWords, storeAgain } from './quarantine';

test('an object that is refused again does not hinder the others', async () => {
  const tried: string[] = [];
  const outcome = await storeAgain(['a', 'b', 'c'], async (item) => {
    tried.push(item);
    if (item === 'b') throw new Error('It is broken.');
  });
  expect(tried).toEqual(['a', 'b', 'c']);
  expect(outcome.stored).toBe(2);
  expect(outcome.refused).toHaveLength(1);
});

test('the outcome is told in words, the same reason once', () => {
  expect(outcomeWords({ stored: 1, refused: [] })).toBe('1 object stored.');
  expect(outcomeWords({ stored: 2, refused: ['It is broken.', 'It is broken.'] })).toBe(
    '2 objects stored. 2 objects refused again: It is broken.',
  );
  expect(outcomeWords({ stored: 0, refused: ['It is broken.', 'It is there.'] })).toBe(
    '2 objects refused again; the list says why.',
  );
});

test('names are escaped in addresses', () => {
  expect(objectAddress('a/b', 'c d')).toBe('/api/projects/a%2Fb/quarantine/c%20d/object');
});
