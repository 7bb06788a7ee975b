import { screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { offline, Problem } from '~/api';
import { draw } from '~/testing';
import { ProblemView } from './ProblemView';

it('says what happened, what to do, and keeps the code behind a click', async () => {
  draw(<ProblemView error={new Problem({ code: 'not-allowed', detail: 'You may not.', remedy: 'Ask a manager.' })} />);
  expect(screen.getByRole('heading').textContent).toBe('You may not.');
  expect(screen.getByText('Ask a manager.')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Details' }));
  expect(screen.getByRole('button', { name: 'Details' }).getAttribute('aria-expanded')).toBe('true');
});

it('offers to try again when the site does not answer', async () => {
  const retry = vi.fn();
  draw(<ProblemView error={offline()} retry={retry} />);
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(retry).toHaveBeenCalledOnce();
});

it('shows text that came from elsewhere as text', () => {
  draw(<ProblemView error={new Problem({ detail: '<img src=x onerror=alert(1)>' })} />);
  expect(document.querySelector('img')).toBeNull();
});
