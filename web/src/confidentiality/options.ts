import type { Confidentiality } from '~/api';

interface Choice<Value extends string> {
  value: Value;
  label: string;
  description: string;
}

export const DATES: Choice<Confidentiality['dates']>[] = [
  {
    value: 'shift',
    label: 'Move them',
    description: 'All dates of a patient move into the past by as many days: intervals stay.',
  },
  { value: 'remove', label: 'Remove them', description: 'No date is left.' },
];

export const KEPT: Choice<Confidentiality['keep'][number]>[] = [
  {
    value: 'descriptions',
    label: 'Descriptions',
    description: 'Words of a fixed list only, which say nothing of a person.',
  },
  {
    value: 'characteristics',
    label: 'Patient characteristics',
    description: 'Sex, age, height, weight, smoking. PET needs the weight.',
  },
  { value: 'device', label: 'Device', description: 'Serial number and station name.' },
  { value: 'institution', label: 'Institution', description: 'Name, address and department.' },
  {
    value: 'uids',
    label: 'UIDs',
    description: 'Whoever holds the originals can tell which images these are.',
  },
];

export const PIXELS: Choice<Confidentiality['suspicious_pixels']>[] = [
  { value: 'hold', label: 'Hold them back', description: 'A person decides in the quarantine.' },
  {
    value: 'flag',
    label: 'Let them go with a warning',
    description: 'They say of themselves that the identity was not removed.',
  },
];

export const FACES: Choice<Confidentiality['faces']>[] = [
  { value: 'leave', label: 'Leave them', description: 'A head scan shows a face; nothing is said about it.' },
  { value: 'flag', label: 'Leave them with a warning', description: 'Reports count them.' },
  { value: 'hold', label: 'Hold them back', description: 'Nothing that may show a face goes.' },
];
