import { expect, test } from 'vitest';
import { requestOf } from './requests';

test('what is asked for is what is stored, without the codes that follow from it', () => {
  const stored = {
    on_arrival: true,
    dates: 'shift',
    keep: ['device'],
    suspicious_pixels: 'hold',
    faces: 'leave',
    codes: [{ value: '113100', meaning: 'Basic Application Confidentiality Profile' }],
  } as const;
  expect(requestOf({ ...stored, keep: [...stored.keep], codes: [...stored.codes] })).toEqual({
    on_arrival: true,
    dates: 'shift',
    keep: ['device'],
    suspicious_pixels: 'hold',
    faces: 'leave',
  });
});
