import { describe, expect, it } from 'vitest';
import { age, count, counted, date, duration, middle, personName, size } from './format';

describe('numbers and texts as people read them', () => {
  it('groups thousands and shortens millions', () => {
    expect([count(1204), count(1_234_567), count(12_345_678)]).toEqual(['1,204', '1.2 M', '12 M']);
  });

  it('counts one thing in the singular', () => {
    expect([counted(1, 'study', 'studies'), counted(311, 'study', 'studies')]).toEqual(['1 study', '311 studies']);
  });

  it('gives sizes their unit', () => {
    expect([size(0), size(999), size(1500), size(71_000_000)]).toEqual(['0 bytes', '999 bytes', '1.5 kB', '71 MB']);
  });

  it('says durations in at most two units', () => {
    expect([duration(4), duration(125), duration(120), duration(12_000)]).toEqual([
      '4 s',
      '2 min 5 s',
      '2 min',
      '3 h 20 min',
    ]);
  });

  it('tells how long ago a moment was', () => {
    const now = Date.parse('2024-05-05T12:00:00Z');
    const told = ['2024-05-05T11:59:50Z', '2024-05-05T11:48:00Z', '2024-05-05T09:00:00Z', '2024-05-04T12:00:00Z'];
    expect(told.map((moment) => age(moment, now))).toEqual(['just now', '12 min ago', '3 h ago', '1 day ago']);
  });

  it('shows a date that is none as it is', () => {
    expect([date('20240131'), date('2024-01-31'), date('2024.01.31'), date('unknown'), date(null)]).toEqual([
      '31 Jan 2024',
      '31 Jan 2024',
      '31 Jan 2024',
      'unknown',
      '',
    ]);
  });

  it('keeps both ends of a UID', () => {
    expect(middle('1.2.840.113619.2.55.3.604688', 11)).toBe('1.2.8…04688');
    expect(middle('short', 11)).toBe('short');
  });

  it('writes person names with the family name first', () => {
    expect([personName('Müller^Anna^Maria'), personName('PHANTOM'), personName('山田^太郎=Yamada^Taro')]).toEqual([
      'Müller, Anna Maria',
      'PHANTOM',
      '山田, 太郎',
    ]);
  });
});
