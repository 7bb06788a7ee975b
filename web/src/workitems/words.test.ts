import { expect, it } from 'vitest';
import type { WorkitemItem } from '~/api';
import { inWords, isLive, isState, nowWords, percentOf, whoWords } from './words';

const workitem: WorkitemItem = {
  uid: '2.25.1',
  state: 'SCHEDULED',
  label: 'Find what is bright',
  code: '',
  workflow: '',
  priority: 'MEDIUM',
  station: '',
  patient_id: 'P1',
  patient_name: 'Doe^Jane',
  starts_at: '2026-01-01T00:00:00Z',
  created_at: '2026-01-01T00:00:00Z',
  created_by: 'ada',
  performer: '',
  percent: null,
  doing: '',
  cancel_requested_at: null,
  cancel_reason: '',
};

it('states are said in words, unknown ones by their name', () => {
  expect(inWords('IN PROGRESS')).toBe('In progress');
  expect(inWords('CANCEL REQUESTED')).toBe('Cancellation requested');
  expect(inWords('NEW')).toBe('NEW');
  expect([isState('SCHEDULED'), isState('CANCEL REQUESTED'), isState(undefined)]).toEqual([true, false, false]);
  expect([isLive('IN PROGRESS'), isLive('CANCELED')]).toEqual([true, false]);
});

it('says who does it, or for whom it is', () => {
  expect(whoWords(workitem)).toBe('for whoever claims it');
  expect(whoWords({ ...workitem, workflow: 'a/b' })).toBe('for this site');
  expect(whoWords({ ...workitem, workflow: 'a/b', station: 'ROBOT' })).toBe('for ROBOT');
  expect(whoWords({ ...workitem, state: 'IN PROGRESS', performer: 'robot' })).toBe('by robot');
  expect(whoWords({ ...workitem, state: 'CANCELED' })).toBe('');
});

it('says first what it waits for, what is done, or why it ended', () => {
  expect(nowWords({ ...workitem, waits_for: 'It is not here yet.' })).toBe('It is not here yet.');
  expect(nowWords({ ...workitem, state: 'IN PROGRESS', doing: '1 of 2 tasks' })).toBe('1 of 2 tasks');
  const asked = { ...workitem, state: 'IN PROGRESS' as const, cancel_requested_at: '2026-01-01T00:00:00Z' };
  expect(nowWords(asked)).toBe('Cancellation was asked for.');
  expect(nowWords({ ...asked, cancel_reason: 'Wrong' })).toBe('Cancellation was asked for: Wrong');
  expect(nowWords({ ...workitem, state: 'CANCELED' })).toBe('No reason was given.');
});

it('a bar is full in the end and absent before the begin', () => {
  expect(percentOf(workitem)).toBeNull();
  expect(percentOf({ state: 'IN PROGRESS', percent: 40 })).toBe(40);
  expect(percentOf({ state: 'COMPLETED', percent: 40 })).toBe(100);
});
