import { expect, test } from 'vitest';
import type { Confidentiality } from '~/api';
import { requestOf, sealWords } from './requests';

const STORED: Confidentiality = {
  on_arrival: true,
  dates: 'shift',
  keep: ['device'],
  suspicious_pixels: 'hold',
  faces: 'leave',
  codes: [{ value: '113100', meaning: 'Basic Application Confidentiality Profile' }],
  seals_patients: false,
  sealed_patients: 0,
};

test('what is asked for is what can be chosen, without what follows from it', () => {
  expect(requestOf(STORED)).toEqual({
    on_arrival: true,
    dates: 'shift',
    keep: ['device'],
    suspicious_pixels: 'hold',
    faces: 'leave',
  });
});

test('whether there is a way back is said in words', () => {
  expect(sealWords(STORED)).toContain('Nobody can find out');
  expect(sealWords({ ...STORED, seals_patients: true, sealed_patients: 12 })).toContain('for 12 patients');
  expect(sealWords({ ...STORED, on_arrival: false })).toBe('');
});
