import { describe, expect, it } from 'vitest';
import { chosenValues, defaultsOf, keepDraft, missing, readDraft, withUnits } from './formModel';

const SCHEMA = {
  type: 'object',
  properties: {
    threshold: { type: 'number', title: 'Threshold', default: 0.5, minimum: 0, maximum: 1 },
    margin: { type: 'integer', title: 'Margin' },
  },
  required: ['margin'],
};

describe('the form of a workflow', () => {
  it('shows units behind the titles', () => {
    const shown = withUnits(SCHEMA, { margin: { 'ui:options': { unit: 'mm' } } });
    expect(shown.properties?.margin?.title).toBe('Margin (mm)');
    expect(shown.properties?.threshold?.title).toBe('Threshold');
  });

  it('begins with the defaults and repeats only what differs', () => {
    expect(defaultsOf(SCHEMA)).toEqual({ threshold: 0.5 });
    expect(chosenValues(SCHEMA, { threshold: 0.5, margin: 3 })).toEqual({ margin: 3 });
    expect(chosenValues(SCHEMA, { threshold: 0, margin: undefined })).toEqual({ threshold: 0 });
  });

  it('knows what is missing, and that zero is a value', () => {
    expect(missing(SCHEMA, {})).toEqual(['margin']);
    expect(missing(SCHEMA, { margin: 0 })).toEqual([]);
  });

  it('remembers what was typed, but no field that is gone', () => {
    keepDraft('main', 'a/b', { threshold: 0.7, gone: 1 });
    expect(readDraft('main', 'a/b', SCHEMA)).toEqual({ threshold: 0.7 });
    expect(readDraft('main', 'other', SCHEMA)).toEqual({});
  });
});
