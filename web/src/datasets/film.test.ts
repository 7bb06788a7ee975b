import { expect, it } from 'vitest';
import { tileAt } from './film';

it.each([
  [0, 0],
  [99, 7],
  [100, 8],
  [199, 15],
  [250, 15],
  [-5, 0],
])('at %d of 200 pixels lies tile %d of 16', (x, tile) => {
  expect(tileAt(x, 200, 16)).toBe(tile);
});

it('a strip that is not loaded yet has its first tile everywhere', () => {
  expect(tileAt(50, 200, 0)).toBe(0);
});
