/**
 * The text by which series are found, as chips: `liver "portal venous" -localizer Modality:MR`.
 * The site reads the same text, and so does whoever gets the address.
 */
export interface Chip {
  text: string;
  /** Attribute that is asked, in DICOM's words; empty: anywhere. */
  field: string;
  isPhrase: boolean;
  isExcluded: boolean;
}

const PART = /(-?)(?:([A-Za-z]+):)?(?:"([^"]*)"?|(\S+))/gy;

/** Take a query apart; what a person has not finished typing is kept as it stands. */
export function readQuery(query: string): Chip[] {
  const chips: Chip[] = [];
  const text = query.trim();
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (!match) break;
    const [, minus = '', field = '', phrase, word = ''] = match;
    const value = phrase ?? word;
    if (value) chips.push({ text: value, field, isPhrase: phrase !== undefined, isExcluded: minus === '-' });
    while (text[PART.lastIndex] === ' ') PART.lastIndex += 1;
  }
  return chips;
}

/** Write chips as the text of a query. */
export const writeQuery = (chips: readonly Chip[]): string => chips.map(writeChip).join(' ');

export function writeChip({ text, field, isPhrase, isExcluded }: Chip): string {
  const value = isPhrase || /\s/.test(text) ? `"${text.replaceAll('"', '')}"` : text;
  return `${isExcluded ? '-' : ''}${field ? `${field}:` : ''}${value}`;
}

/** A chip for a value of an attribute, as a click on a facet makes it. */
export const chipFor = (field: string, text: string): Chip => ({
  field,
  text,
  isPhrase: /[\s"]/.test(text),
  isExcluded: false,
});

const same = (a: Chip, b: Chip): boolean => writeChip(a).toLowerCase() === writeChip(b).toLowerCase();

/** Add a chip, or take it away if it is there. */
export const toggled = (chips: readonly Chip[], chip: Chip): Chip[] =>
  chips.some((one) => same(one, chip)) ? chips.filter((one) => !same(one, chip)) : [...chips, chip];

export const has = (chips: readonly Chip[], chip: Chip): boolean => chips.some((one) => same(one, chip));

export const without = (chips: readonly Chip[], place: number): Chip[] => chips.filter((_, at) => at !== place);
