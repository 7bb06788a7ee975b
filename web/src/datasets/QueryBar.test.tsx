import { screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { createRef } from 'react';
import { expect, it, vi } from 'vitest';
import { draw } from '~/testing';
import { QueryBar } from './QueryBar';

const drawBar = (query: string) => {
  const onQuery = vi.fn();
  draw(<QueryBar query={query} onQuery={onQuery} input={createRef()} />);
  return onQuery;
};

it('makes chips of what is typed', async () => {
  const onQuery = drawBar('Modality:MR');
  await userEvent.type(screen.getByLabelText('Find series'), 'T2* -localizer{Enter}');
  expect(onQuery).toHaveBeenCalledWith('Modality:MR T2* -localizer');
});

it('drops the chip whose cross is clicked', async () => {
  const onQuery = drawBar('Modality:MR liver');
  await userEvent.click(screen.getByRole('button', { name: 'Without Modality:MR' }));
  expect(onQuery).toHaveBeenCalledWith('liver');
});

it('drops the last chip with Backspace in the empty field', async () => {
  const onQuery = drawBar('Modality:MR liver');
  await userEvent.type(screen.getByLabelText('Find series'), '{Backspace}');
  expect(onQuery).toHaveBeenCalledWith('Modality:MR');
});
