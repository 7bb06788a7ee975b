import type { SeriesItem } from '~/api';

/** What a badge says, in a word for people and a colour; `grave` ones are shown wherever the series is. */
export interface BadgeStyle {
  word: string;
  colour: string;
  isGrave: boolean;
}

const BADGES: Record<SeriesItem['validation'], BadgeStyle> = {
  pending: { word: 'Not validated yet', colour: 'var(--kahua-quiet)', isGrave: false },
  ok: { word: 'Nothing is wrong', colour: 'var(--kahua-good)', isGrave: false },
  notes: { word: 'Notes', colour: 'var(--kahua-quiet)', isGrave: false },
  warnings: { word: 'Warnings', colour: 'var(--kahua-warn)', isGrave: true },
  errors: { word: 'Errors', colour: 'var(--kahua-bad)', isGrave: true },
};

export const badgeStyle = (state: SeriesItem['validation']): BadgeStyle => BADGES[state];
