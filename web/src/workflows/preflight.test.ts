import { expect, it } from 'vitest';
import { preflight } from './preflight';

it('counts the reasons', () => {
  const unfit = [
    { series: 'a', reasons: ['wrong modality'] },
    { series: 'b', reasons: ['missing slices', 'wrong modality'] },
  ];
  expect(preflight({ fit: ['c'], unfit, reasons: [], jobs: 1 })).toEqual({
    summary: '1 of 3 fit',
    reasons: [
      { reason: 'wrong modality', count: 2 },
      { reason: 'missing slices', count: 1 },
    ],
    canStart: true,
  });
});

it('lets nothing start that does not fit', () => {
  expect(preflight({ fit: [], unfit: [{ series: 'a', reasons: ['x'] }], reasons: [], jobs: 0 })).toMatchObject({
    summary: 'The series does not fit',
    canStart: false,
  });
  expect(preflight({ fit: ['a'], unfit: [], reasons: ['not installed'], jobs: 0 }).canStart).toBe(false);
});
