import { describe, expect, it } from 'vitest';
import { parseSearch, safeReturn, stringifySearch } from './addresses';

describe('addresses', () => {
  it('survive being written and read', () => {
    const search = { q: 'T2* -localizer "very long"', dataset: 'Köpfe & Hälse' };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it('leave out what is empty', () => {
    expect(stringifySearch({ q: '', dataset: undefined })).toBe('');
  });

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', '/sign-in', undefined])(
    'never lead from the sign-in to %s',
    (next) => {
      expect(safeReturn(next)).toBe('/');
    },
  );

  it('lead from the sign-in to the page that was asked for', () => {
    expect(safeReturn('/projects/main/runs?state=failed')).toBe('/projects/main/runs?state=failed');
  });
});
