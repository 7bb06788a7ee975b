import { expect, it } from 'vitest';
import { profileWords } from './words';

it('a profile is said in words, and what it leaves is named', () => {
  expect(profileWords({ dates: 'shift', keep: [], suspicious_pixels: 'hold', faces: 'leave' })).toBe(
    'Pseudonyms, and moved dates. Nothing else stays. Pictures that may show a name are left out.',
  );
  expect(profileWords({ dates: 'remove', keep: ['device', 'uids'], suspicious_pixels: 'flag', faces: 'hold' })).toBe(
    'Pseudonyms, and no dates. Stays: device, UIDs. Pictures that may show a name go. Pictures that may show a face are left out.',
  );
});
