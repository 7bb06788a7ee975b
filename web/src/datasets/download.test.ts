import { expect, it } from 'vitest';
import { downloadAddress, MAX_NAMED, wholeDataset } from './download';

it('a download is de-identified as the project does it unless asked otherwise', () => {
  expect(downloadAddress('liver', { series: ['a', 'b'] }, 'project')).toBe(
    '/api/projects/liver/exports?series=a&series=b',
  );
  expect(downloadAddress('liver', { series: ['a'] }, 'stored')).toBe(
    '/api/projects/liver/exports?series=a&deidentify=false',
  );
});

it('another way is told completely, also where nothing is to stay', () => {
  const own = { dates: 'remove', keep: ['device', 'uids'], suspicious_pixels: 'flag' } as const;
  expect(downloadAddress('liver', { series: ['a'] }, { ...own, keep: [...own.keep] })).toBe(
    '/api/projects/liver/exports?series=a&dates=remove&keep=device&keep=uids&suspicious_pixels=true',
  );
  expect(downloadAddress('liver', { series: ['a'] }, { dates: 'shift', keep: [], suspicious_pixels: 'hold' })).toBe(
    '/api/projects/liver/exports?series=a&dates=shift&keep=nothing&suspicious_pixels=false',
  );
});

it('a dataset is named as such', () => {
  expect(downloadAddress('liver', { dataset: 'all of it' }, 'stored')).toBe(
    '/api/projects/liver/exports?dataset=all+of+it&deidentify=false',
  );
});

it('more series than an address holds are no download', () => {
  const ids = Array.from({ length: MAX_NAMED + 1 }, (_, number) => `s${number}`);
  expect(downloadAddress('liver', { series: ids }, 'stored')).toBeNull();
});

it('only a dataset that is shown whole is one', () => {
  expect(wholeDataset({ q: '', dataset: 'mine' }, [])).toBe('mine');
  expect(wholeDataset({ q: 'MR', dataset: 'mine' }, [])).toBeNull();
  expect(wholeDataset({ q: '', dataset: 'mine' }, ['a'])).toBeNull();
  expect(wholeDataset({ q: '', dataset: '' }, [])).toBeNull();
});
