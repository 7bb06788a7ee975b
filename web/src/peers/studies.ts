import type { RemoteStudy } from '~/api';

type Counts = Pick<RemoteStudy, 'instances' | 'instances_here'>;

/** How much of a study is here already. */
export function presence({ instances, instances_here }: Counts): string {
  if (instances_here === 0) return 'nothing';
  if (instances === null) return `${instances_here} instances`;
  return instances_here >= instances ? 'all of it' : `${instances_here} of ${instances}`;
}
