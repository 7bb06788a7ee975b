import { describe, expect, it } from 'vitest';
import { type DataSet, MOST_LINES, reportOf } from './report';

const code = (meaning: string, value = 'X') => ({
  '00080100': { vr: 'SH', Value: [value] },
  '00080104': { vr: 'LO', Value: [meaning] },
});
const line = (name: string, type: string, more: Record<string, unknown> = {}): DataSet =>
  ({
    '0040A040': { vr: 'CS', Value: [type] },
    '0040A043': { vr: 'SQ', Value: [code(name)] },
    ...more,
  }) as DataSet;
const below = (...lines: DataSet[]) => ({ '0040A730': { vr: 'SQ', Value: lines } });
const units = (unit: string) => ({ '004008EA': { vr: 'SQ', Value: [code('unit', unit)] } });
const number = (value: number, unit: string) => ({
  '0040A300': { vr: 'SQ', Value: [{ '0040A30A': { vr: 'DS', Value: [value] }, ...units(unit) }] },
});

describe('a structured report', () => {
  it('is read as lines, those that belong together below each other', () => {
    const dataset = line(
      'Imaging Report',
      'CONTAINER',
      below(
        line('Findings', 'CONTAINER', below(line('Finding', 'TEXT', { '0040A160': { vr: 'UT', Value: ['Nodule'] } }))),
        line('Diameter', 'NUM', number(12.5, 'mm')),
        line('Laterality', 'CODE', { '0040A168': { vr: 'SQ', Value: [code('Left')] } }),
        line('Observer', 'PNAME', { '0040A123': { vr: 'PN', Value: [{ Alphabetic: 'Moreau^Ines' }] } }),
      ),
    );
    const report = reportOf(dataset);
    expect(report.title).toBe('Imaging Report');
    expect(report.lines.map(({ name, value }) => [name, value])).toEqual([
      ['Findings', ''],
      ['Diameter', '12.5 mm'],
      ['Laterality', 'Left'],
      ['Observer', 'Moreau Ines'],
    ]);
    expect(report.lines[0]?.lines).toEqual([{ name: 'Finding', value: 'Nodule', lines: [] }]);
    expect(report.isCut).toBe(false);
  });

  it('says why a number is missing, and leaves out that there is no unit', () => {
    const dataset = line(
      'Report',
      'CONTAINER',
      below(
        line('Count', 'NUM', number(3, '1')),
        line('Volume', 'NUM', { '0040A301': { vr: 'SQ', Value: [code('Measurement failure')] } }),
      ),
    );
    expect(reportOf(dataset).lines.map(({ value }) => value)).toEqual(['3', 'Measurement failure']);
  });

  it('is written as people write', () => {
    const value = (tag: string, said: string) => ({ [tag]: { vr: 'UN', Value: [said] } });
    const dataset = line(
      'Report',
      'CONTAINER',
      below(
        line('Rows', 'NUM', number(128, '{pixels}')),
        line('Date', 'DATE', value('0040A121', '20240131')),
        line('Time', 'TIME', value('0040A122', '114243.273')),
        line('Moment', 'DATETIME', value('0040A120', '20240131114243')),
      ),
    );
    expect(reportOf(dataset).lines.map((one) => one.value)).toEqual([
      '128 pixels',
      '31 Jan 2024',
      '11:42:43',
      '31 Jan 2024 11:42:43',
    ]);
  });

  it('counts the images of a library', () => {
    const image = (uid: string): DataSet => ({
      '0040A040': { vr: 'CS', Value: ['IMAGE'] },
      '00081199': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: [uid] } }] },
    });
    const dataset = line('Report', 'CONTAINER', below(image('1.1'), image('1.2'), line('A', 'TEXT'), image('1.3')));
    expect(reportOf(dataset).lines.map((one) => one.value)).toEqual(['2 images', '', 'image 1.3']);
  });

  it('may be broken in every way', () => {
    const broken = { '0040A730': { vr: 'SQ', Value: [null, 'text', {}, { '0040A040': { vr: 'CS' } }] } };
    expect(reportOf(broken as DataSet).lines).toHaveLength(2);
    expect(reportOf({})).toEqual({ title: '', lines: [], isCut: false });
  });

  it('ends where it is too long or too deep', () => {
    const many = line('Report', 'CONTAINER', below(...Array.from({ length: MOST_LINES + 1 }, () => line('A', 'TEXT'))));
    expect(reportOf(many)).toMatchObject({ isCut: true });
    let deep = line('Bottom', 'CONTAINER');
    for (let level = 0; level < 500; level += 1) deep = line('Level', 'CONTAINER', below(deep));
    expect(reportOf(deep)).toMatchObject({ isCut: true });
  });
});
