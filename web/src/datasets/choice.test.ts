import { expect, it } from 'vitest';
import { keepChoice, readChoice } from './choice';

const ids = (number: number): string[] => Array.from({ length: number }, (_, place) => `s${place}`);

it('a small choice stands in the address', () => {
  expect(keepChoice(['a', 'b'])).toEqual({ series: 'a,b' });
});

it.each([1, 40, 41, 5000])('a choice of %d is read as it was kept', (number) => {
  expect(readChoice(keepChoice(ids(number)))).toEqual(ids(number));
});

it('a choice that is not here is none', () => {
  expect(readChoice({ choice: 'elsewhere' })).toBeNull();
  expect(readChoice({})).toBeNull();
});
