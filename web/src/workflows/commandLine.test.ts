import { expect, it } from 'vitest';
import { commandLine } from './commandLine';

it('says the same as the form', () => {
  expect(commandLine('main', 'brain-extraction/brain-extraction', { dataset: 'heads' }, { threshold: 0.7 })).toBe(
    'kahua run brain-extraction/brain-extraction --dataset heads --set threshold=0.7 --project main',
  );
});

it('names each series', () => {
  expect(commandLine('main', 'a/b', { series: ['x', 'y'] }, {})).toBe(
    'kahua run a/b --series x --series y --project main',
  );
});

it('leaves out what does not fit, as the form does', () => {
  expect(commandLine('main', 'a/b', { dataset: 'heads', skipsUnfit: true }, {})).toBe(
    'kahua run a/b --dataset heads --skip-unfit --project main',
  );
});

it('quotes what a shell would read otherwise', () => {
  expect(commandLine('main', 'a/b', { dataset: "Anna's heads; rm -rf /" }, {})).toBe(
    `kahua run a/b --dataset 'Anna'\\''s heads; rm -rf /' --project main`,
  );
});
