import {
  type Icon,
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconInfoCircle,
} from '@tabler/icons-react';
import type { SeriesItem } from '~/api';
import { badgeStyle } from './validation';

const SIGNS: Record<SeriesItem['validation'], Icon> = {
  pending: IconCircleDashed,
  ok: IconCircleCheck,
  notes: IconInfoCircle,
  warnings: IconAlertTriangle,
  errors: IconCircleX,
};

interface Props {
  state: SeriesItem['validation'];
  size?: number;
  /** The word stands beside it. */
  isLabelled?: boolean;
}

/** What validation says of a series: a sign of its own for each badge, never a colour alone. */
export function ValidationMark({ state, size = 16, isLabelled = false }: Props) {
  const { word, colour } = badgeStyle(state);
  const Sign = SIGNS[state];
  return (
    <Sign
      size={size}
      stroke={1.75}
      color={colour}
      style={{ flex: 'none' }}
      role={isLabelled ? undefined : 'img'}
      aria-label={isLabelled ? undefined : `Validation: ${word.toLowerCase()}`}
      aria-hidden={isLabelled}
    />
  );
}
