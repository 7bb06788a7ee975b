import { expect, it } from 'vitest';
import { matching } from './tags';

const ATTRIBUTES = [
  { tag: '(0008,0060)', keyword: 'Modality', name: 'Modality', vr: 'CS', value: 'MR' },
  { tag: '(0010,0010)', keyword: 'PatientName', name: "Patient's Name", vr: 'PN', value: 'Müller^Anna' },
];

it.each([
  ['', 2],
  ['00100010', 1],
  ['(0010,0010)', 1],
  ['patient name', 1],
  ['müller', 1],
  ['nothing', 0],
])('tags with "%s" in them', (word, number) => {
  expect(matching(ATTRIBUTES, word)).toHaveLength(number);
});
