import type { Task } from '~/api';

/** Tasks in columns from left to right: each stands behind all that come before it. */
export function columnsOf(tasks: readonly Task[]): Task[][] {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const depths = new Map<string, number>();
  const depthOf = (task: Task, path: readonly string[]): number => {
    const known = depths.get(task.name);
    if (known !== undefined) return known;
    const before = task.after
      .map((name) => byName.get(name))
      .filter((one): one is Task => one !== undefined && !path.includes(one.name));
    const depth = Math.max(-1, ...before.map((one) => depthOf(one, [...path, task.name]))) + 1;
    depths.set(task.name, depth);
    return depth;
  };
  const columns: Task[][] = [];
  for (const task of tasks) {
    const depth = depthOf(task, []);
    columns[depth] = [...(columns[depth] ?? []), task];
  }
  return columns.filter((column) => column !== undefined);
}

/** The task that a person wants to see first: what failed, else what works, else the last one that began. */
export function mostTelling(tasks: readonly Task[]): Task | undefined {
  return (
    tasks.find((task) => task.state === 'failed') ??
    tasks.find((task) => task.state === 'running') ??
    tasks.findLast((task) => task.attempts.length > 0) ??
    tasks[0]
  );
}
