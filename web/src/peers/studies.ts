import type { RemoteStudy } from '~/api';

type Counts = Pick<RemoteStudy, 'instances' | 'instances_here'>;

/** How much of a study is here already. */
export function presence({ instances, instances_here }: Counts): string {
  if (instances_here === 0) return 'nothing';
  if (instances === null) return `${instances_here} instances`;
  return instances_here >= instances ? 'all of it' : `${instances_here} of ${instances}`;
}

/** Whether all of a study is here. */
export const isWhole = ({ instances, instances_here }: Counts): boolean =>
  instances !== null && instances > 0 && instances_here >= instances;
