import type { Fusion, SeriesDetail, SeriesItem } from '~/api';

/** Modalities that the viewer draws over the image to which they refer. */
const OVERLAYS = new Set(['SEG', 'RTSTRUCT']);

export const isOverlay = (series: Pick<SeriesItem, 'modality'>): boolean => OVERLAYS.has(series.modality);

/** What the viewer opens first for a series: its newest segmentation, which brings the image with it, or itself. */
export function shownFirst(series: SeriesDetail, overlay?: string): SeriesItem {
  const overlays = series.referenced_by.filter(isOverlay);
  const wanted = overlays.find((one) => one.id === overlay);
  return wanted ?? overlays.toSorted((a, b) => a.received_at.localeCompare(b.received_at)).at(-1) ?? series;
}

/** Address of the viewer for a series, with the segmentation that belongs to it drawn over it; null: nothing to see. */
export function viewerUrl(project: string, series: SeriesDetail, overlay?: string): string | null {
  if (!series.viewer_url) return null;
  const first = overlay === 'none' ? series : shownFirst(series, overlay);
  const studies = new Set([series, first, ...series.references].map((one) => one.study_uid));
  const query = new URLSearchParams({
    StudyInstanceUIDs: [...studies].join(','),
    initialSeriesInstanceUID: first.series_uid,
  });
  return `/ohif/viewer/${encodeURIComponent(project)}?${query}`;
}

/** The fusion with a series, if the viewer can show one. */
export const fusionOf = (series: SeriesDetail, other?: string): Fusion | undefined =>
  series.fusions.find((one) => one.series.id === other);

const NAMES: Record<string, string> = { PT: 'PET' };

/** What lies over what: `PET over CT`. */
export function fusionTitle(series: SeriesDetail, fusion: Fusion): string {
  const over = [series.modality, fusion.series.modality].toSorted((a, b) => Number(isBelow(a)) - Number(isBelow(b)));
  return over.map((modality) => NAMES[modality] ?? modality).join(' over ');
}

const isBelow = (modality: string): boolean => modality === 'CT' || modality === 'MR';

/** The same within a page of ours, which lists what belongs to the series by itself. */
export const embeddedUrl = (address: string): string => `${address}&closed=`;
