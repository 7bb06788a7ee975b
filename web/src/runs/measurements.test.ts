import { expect, it } from 'vitest';
import { measurementsOf, writeValue } from './measurements';

it('shows values with their unit', () => {
  expect(writeValue({ value: 1827.4, unit: 'ml' })).toBe('1,827 ml');
  expect(writeValue({ value: 0.9764, unit: '1' })).toBe('0.976');
});

it('leaves out what is no measurement', () => {
  const row = { name: 'volume', title: 'Volume', value: 1827, unit: 'ml', segment: 'Brain' };
  expect(measurementsOf({ measurements: [row, null, 'x', { name: 'bad', value: 'none' }] })).toEqual([row]);
  expect(measurementsOf({})).toEqual([]);
});
