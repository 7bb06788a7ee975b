const SIZES = ['bytes', 'kB', 'MB', 'GB', 'TB'];

const digits = (value: number, most: number): string =>
  new Intl.NumberFormat('en', { maximumFractionDigits: value < 10 ? most : 0 }).format(value);

/** 1204 → "1,204"; 1_234_567 → "1.2 M". */
export function count(value: number): string {
  return value < 1_000_000 ? new Intl.NumberFormat('en').format(value) : `${digits(value / 1_000_000, 1)} M`;
}

/** "1 series", "3 runs"; a word that does not change is its own plural. */
export const counted = (value: number, one: string, many: string = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Bytes with a unit a person reads. */
export function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${digits(value, unit === 0 ? 0 : 1)} ${SIZES[unit]}`;
}

/** Seconds as a person says them: "4 s", "2 min 5 s", "3 h 20 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

/** How long ago a moment was: "just now", "12 min ago", "3 h ago", then the date. */
export function age(moment: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(moment)) / 1000;
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 7 * 86_400) return counted(Math.round(seconds / 86_400), 'day', 'days').concat(' ago');
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium' }).format(new Date(moment));
}

/** The exact moment, in the person's time zone. */
export const exact = (moment: string): string =>
  new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'long' }).format(new Date(moment));

/** A DICOM date (20240131, of old 2024.01.31) or ISO date as "31 Jan 2024"; what is none is shown as it is. */
export function date(value: string | null | undefined): string {
  if (!value) return '';
  const match = /^(\d{4})[-.]?(\d{2})[-.]?(\d{2})$/.exec(value);
  if (!match) return value;
  const parsed = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  if (Number.isNaN(parsed.getTime())) return value;
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(parsed);
}

/** A long text without its middle: the ends of UIDs are what tells them apart. */
export function middle(text: string, length: number): string {
  if (text.length <= length) return text;
  const kept = length - 1;
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`;
}

/** A DICOM person name ("Müller^Anna") as people write it. */
export function personName(name: string): string {
  const [family = '', given = '', second = ''] = (name.split('=')[0] ?? '').split('^').map((part) => part.trim());
  return [family, [given, second].filter(Boolean).join(' ')].filter(Boolean).join(', ');
}
