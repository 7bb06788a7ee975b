import type { Confidentiality } from '~/api';
import type { SeriesWhere } from './requests';

/** Most series that an address can name. */
export const MAX_NAMED = 1000;

/** What is asked for instead of what the project usually does. */
export type OwnProfile = Pick<Confidentiality, 'dates' | 'keep' | 'suspicious_pixels'>;

/** As the project de-identifies, in another way, or as stored. */
export type How = 'project' | OwnProfile | 'stored';

/**
 * Address of a download; null if it would name too many series one by one. The browser writes it to the disk as it
 * comes, whatever its size.
 */
export function downloadAddress(
  project: string,
  what: { dataset: string } | { series: readonly string[] },
  how: How,
): string | null {
  const query = new URLSearchParams();
  if ('dataset' in what) query.set('dataset', what.dataset);
  else {
    if (what.series.length > MAX_NAMED) return null;
    for (const id of what.series) query.append('series', id);
  }
  if (how === 'stored') query.set('deidentify', 'false');
  else if (how !== 'project') {
    query.set('dates', how.dates);
    for (const kept of how.keep.length ? how.keep : ['nothing']) query.append('keep', kept);
    query.set('suspicious_pixels', String(how.suspicious_pixels === 'flag'));
  }
  return `/api/projects/${encodeURIComponent(project)}/exports?${query}`;
}

/** The dataset of which the gallery shows all, if it is one. */
export const wholeDataset = (where: SeriesWhere, chosen: readonly string[]): string | null =>
  chosen.length === 0 && where.dataset && !where.q.trim() ? where.dataset : null;
