import { screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import type { Task } from '~/api';
import { draw } from '~/testing';
import { FailureBox } from './FailureBox';
import { TaskGraph } from './TaskGraph';

const task = (name: string, state: string, after: string[] = []): Task => ({
  id: name,
  name,
  title: '',
  kind: 'step',
  state,
  after,
  attempts: [],
  failure: null,
});

it('shows each task with its state in words, and chooses it by a click', async () => {
  const onChoose = vi.fn();
  const tasks = [task('fetch', 'succeeded'), task('extract', 'failed', ['fetch'])];
  draw(<TaskGraph tasks={tasks} chosen="fetch" onChoose={onChoose} />);
  expect(screen.getByRole('button', { name: /Succeeded.*fetch/ }).getAttribute('aria-pressed')).toBe('true');
  await userEvent.click(screen.getByRole('button', { name: /Failed.*extract/ }));
  expect(onChoose).toHaveBeenCalledWith(tasks[1]);
});

it('tells the cause, the evidence and the next step of a failure', () => {
  draw(<FailureBox failure={{ cause: 'It ran out of memory.', evidence: ['Killed'], next_step: 'Give it more.' }} />);
  const told = screen.getByRole('alert').textContent ?? '';
  expect(['It ran out of memory.', 'Killed', 'Give it more.'].every((part) => told.includes(part))).toBe(true);
});
