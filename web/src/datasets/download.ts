import type { SeriesWhere } from './requests';

/** Most series that an address can name. */
export const MAX_NAMED = 1000;

/** What may stay in a de-identified download: what says little of a person, and analyses often need. */
const KEPT = ['descriptions', 'characteristics'];

/**
 * Address of a download; null if it would name too many series one by one. The browser writes it to the disk as it
 * comes, whatever its size.
 */
export function downloadAddress(
  project: string,
  what: { dataset: string } | { series: readonly string[] },
  how: 'deidentified' | 'stored',
): string | null {
  const query = new URLSearchParams();
  if ('dataset' in what) query.set('dataset', what.dataset);
  else {
    if (what.series.length > MAX_NAMED) return null;
    for (const id of what.series) query.append('series', id);
  }
  if (how === 'stored') query.set('deidentify', 'false');
  else for (const kept of KEPT) query.append('keep', kept);
  return `/api/projects/${encodeURIComponent(project)}/exports?${query}`;
}

/** The dataset of which the gallery shows all, if it is one. */
export const wholeDataset = (where: SeriesWhere, chosen: readonly string[]): string | null =>
  chosen.length === 0 && where.dataset && !where.q.trim() ? where.dataset : null;
