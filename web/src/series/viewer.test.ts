import { describe, expect, it } from 'vitest';
import type { SeriesDetail, SeriesItem } from '~/api';
import { fusionOf, fusionTitle, viewerUrl } from './viewer';

const item = (id: string, modality: string, received = '2024-01-01T00:00:00Z'): SeriesItem =>
  ({ id, modality, series_uid: `1.${id}`, study_uid: '1.2', received_at: received }) as SeriesItem;

const detail = (modality: string, by: SeriesItem[] = [], to: SeriesItem[] = []): SeriesDetail =>
  ({
    ...item('9', modality),
    references: to,
    referenced_by: by,
    viewer_url: '/ohif/',
    fusions: [] as unknown,
  }) as SeriesDetail;

const first = (url: string | null) => new URLSearchParams(url?.split('?')[1]).get('initialSeriesInstanceUID');

describe('the viewer', () => {
  it('opens in the project of the series', () => {
    expect(viewerUrl('liver', detail('CT'))).toBe(
      '/ohif/viewer/liver?StudyInstanceUIDs=1.2&initialSeriesInstanceUID=1.9',
    );
  });

  it('draws the newest segmentation over its image', () => {
    const made = [item('1', 'SEG'), item('2', 'SEG', '2024-02-01T00:00:00Z'), item('3', 'SR', '2024-03-01T00:00:00Z')];
    expect(first(viewerUrl('liver', detail('CT', made)))).toBe('1.2');
  });

  it('draws the segmentation that was chosen, or none', () => {
    const made = [item('1', 'SEG'), item('2', 'SEG', '2024-02-01T00:00:00Z')];
    expect(first(viewerUrl('liver', detail('CT', made), '1'))).toBe('1.1');
    expect(first(viewerUrl('liver', detail('CT', made), 'none'))).toBe('1.9');
  });

  it('is not opened for what it shows nothing of', () => {
    expect(viewerUrl('liver', { ...detail('RWV'), viewer_url: null })).toBeNull();
  });

  it('lays what a tracer does over where it does it, whichever of the two is looked at', () => {
    const ct = { ...detail('CT'), fusions: [{ series: item('1', 'PT'), viewer_url: '/ohif/tmtv/' }] };
    const nuclear = { ...detail('NM'), fusions: [{ series: item('2', 'MR'), viewer_url: '/ohif/tmtv/' }] };
    expect(ct.fusions.map((one) => fusionTitle(ct, one))).toEqual(['PET over CT']);
    expect(nuclear.fusions.map((one) => fusionTitle(nuclear, one))).toEqual(['NM over MR']);
  });

  it('shows no fusion but with a series that is offered', () => {
    const ct = { ...detail('CT'), fusions: [{ series: item('1', 'PT'), viewer_url: '/ohif/tmtv/' }] };
    expect(fusionOf(ct, '1')?.viewer_url).toBe('/ohif/tmtv/');
    expect(fusionOf(ct, '2')).toBeUndefined();
    expect(fusionOf(ct)).toBeUndefined();
  });
});
