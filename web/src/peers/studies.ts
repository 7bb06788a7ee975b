import type { RemoteStudy } from '~/api';
import { counted } from '~/common';

/** Most studies that are shown of one search. */
export const MOST_STUDIES = 100;

type Counts = Pick<RemoteStudy, 'instances' | 'instances_here'>;

/** How many studies were found, or that more may be there. */
export const foundInWords = (found: number): string =>
  found < MOST_STUDIES
    ? counted(found, 'study', 'studies')
    : `The first ${MOST_STUDIES} studies; there may be more: fill in more fields to see them`;

/** How much of a study is here already. */
export function presence({ instances, instances_here }: Counts): string {
  if (instances_here === 0) return 'nothing';
  if (instances === null) return `${instances_here} instances`;
  return instances_here >= instances ? 'all of it' : `${instances_here} of ${instances}`;
}

/** Whether all of a study is here. */
export const isWhole = ({ instances, instances_here }: Counts): boolean =>
  instances !== null && instances > 0 && instances_here >= instances;
