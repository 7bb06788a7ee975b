import type { Attribute } from '~/api';

const plain = (text: string): string => text.toLowerCase().replaceAll(/[(),\s]/g, '');

/** Attributes in which a word is found: in the name, the number (with or without brackets) or the value. */
export function matching(attributes: readonly Attribute[], word: string): Attribute[] {
  const wanted = plain(word);
  if (!wanted) return [...attributes];
  return attributes.filter(({ tag, keyword, name, value }) =>
    [tag, keyword, name, value].some((text) => plain(text).includes(wanted)),
  );
}
