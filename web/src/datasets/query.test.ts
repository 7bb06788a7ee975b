import { describe, expect, it } from 'vitest';
import { chipFor, has, readQuery, toggled, without, writeQuery } from './query';

describe('a query', () => {
  it.each(['T2*', 'liver "portal venous" -localizer Modality:MR', '-Modality:SEG StudyDate:20200101-20201231', ''])(
    'is the same text after being taken apart: %s',
    (text) => {
      expect(writeQuery(readQuery(text))).toBe(text);
    },
  );

  it('knows fields, phrases and what is excluded', () => {
    expect(readQuery('-SeriesDescription:"t2 tse"')).toEqual([
      { text: 't2 tse', field: 'SeriesDescription', isPhrase: true, isExcluded: true },
    ]);
  });

  it('keeps a phrase that is not finished', () => {
    expect(readQuery('"portal ven')).toEqual([{ text: 'portal ven', field: '', isPhrase: true, isExcluded: false }]);
  });

  it('never lets a value break out of its quotes', () => {
    expect(writeQuery([chipFor('BodyPartExamined', 'HEAD" -Modality:MR')])).toBe(
      'BodyPartExamined:"HEAD -Modality:MR"',
    );
  });

  it('takes a chip away that is added twice', () => {
    const once = toggled([], chipFor('Modality', 'MR'));
    expect(has(once, chipFor('modality', 'mr'))).toBe(true);
    expect(toggled(once, chipFor('Modality', 'MR'))).toEqual([]);
  });

  it('drops the chip at a place', () => {
    expect(writeQuery(without(readQuery('a b c'), 1))).toBe('a c');
  });
});
