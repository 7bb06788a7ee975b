import { counted, date } from '~/common';

/** An element of the DICOM JSON model (PS3.18 annex F). */
export interface Element {
  vr: string;
  Value?: readonly unknown[];
}
export type DataSet = Readonly<Record<string, Element>>;

/** One line of a structured report: what is meant, what is said of it, and the lines below it. */
export interface Line {
  name: string;
  value: string;
  lines: Line[];
}

/** A report ends for us at this depth and after so many lines: whoever made it may be hostile. */
const MOST_DEEP = 24;
export const MOST_LINES = 4000;

const CONTENT = '0040A730';
const CONCEPT_NAME = '0040A043';

const first = (dataset: DataSet, tag: string): unknown => dataset[tag]?.Value?.[0];
const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const item = (dataset: DataSet, tag: string): DataSet => {
  const value = first(dataset, tag);
  return value && typeof value === 'object' ? (value as DataSet) : {};
};
const items = (dataset: DataSet, tag: string): DataSet[] =>
  (dataset[tag]?.Value ?? []).filter((one): one is DataSet => typeof one === 'object' && one !== null);

/** A code by its meaning, or else by itself (PS3.3 section 8.8). */
const meaning = (code: DataSet): string =>
  text(first(code, '00080104')) || text(first(code, '00080100')) || text(first(code, '00080119'));

const personName = (value: unknown): string =>
  value && typeof value === 'object' ? text((value as { Alphabetic?: unknown }).Alphabetic) : text(value);

/** A unit of UCUM as people write it: 1 is none, and what stands in braces is a word. */
function unitOf(code: string): string | null {
  if (code === '1') return '';
  return code.replace(/^\{(.*)\}$/, '$1') || null;
}

/** A time of day (TM) with colons, without fractions of a second. */
const timeOf = (value: string): string => (value.match(/^\d{1,6}/)?.[0].match(/\d{1,2}/g) ?? [value]).join(':');

function measured(line: DataSet): string {
  const value = item(line, '0040A300');
  const units = item(value, '004008EA');
  const unit = unitOf(text(first(units, '00080100'))) ?? meaning(units);
  const number = text(first(value, '0040A30A'));
  if (!number) return meaning(item(line, '0040A301')) || 'not measured';
  return `${number} ${unit}`.trim();
}

const moment = (value: string): string =>
  [date(value.slice(0, 8)), value.slice(8) && timeOf(value.slice(8))].join(' ').trim();

function referred(line: DataSet, what: string): string {
  const uids = items(line, '00081199').map((one) => text(first(one, '00081155')));
  return `${what} ${uids.join(', ')}`.trim();
}

/** What a content item says, by its value type (PS3.3 table C.17.3-7). */
function said(line: DataSet): string {
  switch (text(first(line, '0040A040'))) {
    case 'TEXT':
      return text(first(line, '0040A160'));
    case 'CODE':
      return meaning(item(line, '0040A168'));
    case 'NUM':
      return measured(line);
    case 'PNAME':
      return personName(first(line, '0040A123')).replaceAll('^', ' ').trim();
    case 'DATE':
      return date(text(first(line, '0040A121')));
    case 'TIME':
      return timeOf(text(first(line, '0040A122')));
    case 'DATETIME':
      return moment(text(first(line, '0040A120')));
    case 'UIDREF':
      return text(first(line, '0040A124'));
    case 'IMAGE':
      return referred(line, 'image');
    case 'WAVEFORM':
      return referred(line, 'waveform');
    case 'COMPOSITE':
      return referred(line, 'object');
    case 'SCOORD':
    case 'SCOORD3D':
      return text(first(line, '00700023')).toLowerCase();
    case 'TCOORD':
      return text(first(line, '0040A130')).toLowerCase();
    default:
      return '';
  }
}

const isBareImage = ({ name, value, lines }: Line): boolean =>
  !name && lines.length === 0 && value.startsWith('image ');

/** Nameless images that follow each other, of which an image library has hundreds, as one line. */
function together(lines: readonly Line[]): Line[] {
  const result: Line[] = [];
  let images = 0;
  const close = () => {
    if (images > 1) result.splice(-images, images, { name: '', value: counted(images, 'image'), lines: [] });
    images = 0;
  };
  for (const line of lines) {
    if (!isBareImage(line)) close();
    result.push(line);
    if (isBareImage(line)) images += 1;
  }
  close();
  return result;
}

/** The content tree of a structured report as lines (PS3.3 section C.17.3). */
export function reportOf(dataset: DataSet): { title: string; lines: Line[]; isCut: boolean } {
  let left = MOST_LINES;
  let isCut = false;
  const below = (parent: DataSet, depth: number): Line[] => {
    const lines: Line[] = [];
    for (const one of items(parent, CONTENT)) {
      if (left <= 0 || depth > MOST_DEEP) {
        isCut = true;
        break;
      }
      left -= 1;
      lines.push({ name: meaning(item(one, CONCEPT_NAME)), value: said(one), lines: below(one, depth + 1) });
    }
    return together(lines);
  };
  const lines = below(dataset, 1);
  return { title: meaning(item(dataset, CONCEPT_NAME)), lines, isCut };
}
