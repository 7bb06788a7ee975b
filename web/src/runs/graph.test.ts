import { describe, expect, it } from 'vitest';
import type { Task } from '~/api';
import { columnsOf, mostTelling } from './graph';

const task = (name: string, after: string[] = [], state = 'waiting', attempts = 0): Task => ({
  id: name,
  name,
  title: name,
  kind: 'step',
  state,
  after,
  failure: null,
  attempts: Array.from({ length: attempts }, (_, index) => ({
    number: index + 1,
    state,
    host: '',
    started_at: '2024-01-01T00:00:00Z',
    finished_at: null,
    exit_code: null,
    cpu_seconds: null,
    peak_memory_bytes: null,
  })),
});

const names = (columns: Task[][]): string[][] => columns.map((column) => column.map((one) => one.name));

describe('the graph of tasks', () => {
  it('puts a task behind everything it waits for', () => {
    const tasks = [
      task('store', ['to-seg', 'to-sr']),
      task('fetch'),
      task('convert', ['fetch']),
      task('to-seg', ['extract']),
      task('to-sr', ['extract']),
      task('extract', ['convert']),
    ];
    expect(names(columnsOf(tasks))).toEqual([['fetch'], ['convert'], ['extract'], ['to-seg', 'to-sr'], ['store']]);
  });

  it('survives names that are not there and circles', () => {
    expect(names(columnsOf([task('a', ['gone'])]))).toEqual([['a']]);
    expect(columnsOf([task('a', ['b']), task('b', ['a'])]).flat()).toHaveLength(2);
  });
});

describe('the task that is shown first', () => {
  it('is the one that failed', () => {
    expect(mostTelling([task('a', [], 'running', 1), task('b', [], 'failed', 2)])?.name).toBe('b');
  });

  it('is the last one that began when all is well', () => {
    expect(mostTelling([task('a', [], 'succeeded', 1), task('b', [], 'succeeded', 1), task('c')])?.name).toBe('b');
  });
});
