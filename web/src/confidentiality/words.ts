import type { Confidentiality } from '~/api';
import { KEPT } from './options';

type Profile = Pick<Confidentiality, 'dates' | 'keep' | 'suspicious_pixels' | 'faces'>;

/** What a profile does to images that leave, in one sentence each. */
export function profileWords({ dates, keep, suspicious_pixels, faces }: Profile): string {
  const kept = KEPT.filter(({ value }) => keep.includes(value)).map(({ label }) => label);
  const parts = [
    dates === 'shift' ? 'Pseudonyms, and moved dates.' : 'Pseudonyms, and no dates.',
    kept.length ? `Stays: ${kept.join(', ').toLowerCase().replace('uids', 'UIDs')}.` : 'Nothing else stays.',
    suspicious_pixels === 'hold' ? 'Pictures that may show a name are left out.' : 'Pictures that may show a name go.',
  ];
  if (faces === 'hold') parts.push('Pictures that may show a face are left out.');
  return parts.join(' ');
}
