export type Search = Record<string, string>;

/** Addresses are written as people write them: `?q=T2&dataset=heads`, every value a text. */
export const parseSearch = (text: string): Search => Object.fromEntries(new URLSearchParams(text));

export function stringifySearch(search: Record<string, unknown>): string {
  const entries = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** The parts of an address that a page knows; whatever else stands there is nobody's. */
export const pick = <Name extends string>(search: Search, ...names: Name[]): { [name in Name]?: string | undefined } =>
  Object.fromEntries(names.filter((name) => search[name]).map((name) => [name, search[name]])) as {
    [name in Name]?: string;
  };

/** Where to go after the sign-in: only ever a page of this site. */
export const safeReturn = (next: string | undefined): string =>
  next?.startsWith('/') && !next.startsWith('//') && !next.includes('\\') && !next.startsWith('/sign-in') ? next : '/';
