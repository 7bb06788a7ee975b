import type { CheckResult } from '~/api';

export interface Preflight {
  /** "34 of 37 fit" */
  summary: string;
  /** Reasons with the number of series that each holds back, most frequent first. */
  reasons: { reason: string; count: number }[];
  canStart: boolean;
}

/** A check in words: how many fit, and what holds the others back. */
export function preflight(check: CheckResult): Preflight {
  const total = check.fit.length + check.unfit.length;
  const counts = new Map<string, number>();
  for (const { reasons } of check.unfit)
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return {
    summary:
      total === 1
        ? check.fit.length
          ? 'The series fits'
          : 'The series does not fit'
        : `${check.fit.length} of ${total} fit`,
    reasons: [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
    canStart: check.fit.length > 0 && check.reasons.length === 0,
  };
}
