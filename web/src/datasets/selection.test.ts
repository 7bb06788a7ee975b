import { describe, expect, it } from 'vitest';
import { cellsIn, clicked, lassoed, moved, NOTHING, type Selection, toggledOne } from './selection';

const ORDER = ['a', 'b', 'c', 'd', 'e', 'f'];
const PLAIN = { shift: false, toggle: false };
const CTRL = { shift: false, toggle: true };
const SHIFT = { shift: true, toggle: false };
const chosen = (selection: Selection): string => [...selection.chosen].sort().join('');

describe('a selection', () => {
  it('is one after a click, and none after a second', () => {
    const once = clicked(NOTHING, 'b', ORDER, PLAIN);
    expect(chosen(once)).toBe('b');
    expect(chosen(clicked(once, 'b', ORDER, PLAIN))).toBe('');
  });

  it('grows and shrinks with Ctrl', () => {
    const two = clicked(clicked(NOTHING, 'b', ORDER, PLAIN), 'e', ORDER, CTRL);
    expect(chosen(two)).toBe('be');
    expect(chosen(clicked(two, 'b', ORDER, CTRL))).toBe('e');
  });

  it('is a range with Shift, in either direction from the last click', () => {
    const start = clicked(NOTHING, 'c', ORDER, PLAIN);
    const up = clicked(start, 'e', ORDER, SHIFT);
    expect(chosen(up)).toBe('cde');
    expect(chosen(clicked(up, 'a', ORDER, SHIFT))).toBe('abc');
  });

  it('takes what a lasso touches, on top with Ctrl', () => {
    const before = clicked(NOTHING, 'a', ORDER, PLAIN);
    expect(chosen(lassoed(before, ['d', 'e'], false))).toBe('de');
    expect(chosen(lassoed(before, ['d', 'e'], true))).toBe('ade');
  });

  it('follows the keyboard to the ends and not beyond', () => {
    const first = moved(NOTHING, ORDER, 1, false);
    expect(first.focus).toBe('a');
    expect(moved(first, ORDER, -1, false).focus).toBe('a');
    expect(moved(first, ORDER, 100, false).focus).toBe('f');
    expect(chosen(moved(toggledOne(first, 'a'), ORDER, 2, true))).toBe('abc');
  });
});

describe('a lasso', () => {
  const grid = { columns: 3, cellWidth: 100, cellHeight: 120, count: 7 };

  it('touches the cells that it crosses', () => {
    expect(cellsIn({ left: 90, top: 10, right: 150, bottom: 130 }, grid)).toEqual([0, 1, 3, 4]);
  });

  it('touches no cell behind the last', () => {
    expect(cellsIn({ left: 0, top: 250, right: 900, bottom: 900 }, grid)).toEqual([6]);
  });
});
