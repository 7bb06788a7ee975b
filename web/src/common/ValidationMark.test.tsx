import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { draw } from '~/testing';
import { ValidationMark } from './ValidationMark';
import { badgeStyle } from './validation';

it('names the badge, for whoever sees no colours', () => {
  draw(<ValidationMark state="errors" />);
  expect(screen.getByRole('img', { name: 'Validation: errors' })).toBeTruthy();
});

it('is silent where the word stands beside it', () => {
  draw(<ValidationMark state="warnings" isLabelled />);
  expect(screen.queryByRole('img')).toBeNull();
});

it('has a sign of its own for each badge', () => {
  const states = ['pending', 'ok', 'notes', 'warnings', 'errors'] as const;
  const drawn = states.map((state) => draw(<ValidationMark state={state} isLabelled />).container.innerHTML);
  expect(new Set(drawn).size).toBe(states.length);
});

it('shows warnings and errors wherever a series is', () => {
  expect([badgeStyle('errors').isGrave, badgeStyle('warnings').isGrave]).toEqual([true, true]);
  expect([badgeStyle('notes').isGrave, badgeStyle('ok').isGrave, badgeStyle('pending').isGrave]).toEqual([
    false,
    false,
    false,
  ]);
});
