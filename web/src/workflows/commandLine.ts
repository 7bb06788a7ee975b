import type { Values } from './formModel';

export interface Data {
  series?: readonly string[] | undefined;
  dataset?: string | undefined;
  /** Whether some of the series do not fit, and are left out. */
  skipsUnfit?: boolean;
}

/** Quote a word for a shell, if it needs that. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The same run as a command. */
export function commandLine(project: string, workflow: string, data: Data, values: Values): string {
  const words = [
    'kahua',
    'run',
    workflow,
    ...(data.dataset ? ['--dataset', data.dataset] : (data.series ?? []).flatMap((id) => ['--series', id])),
    ...Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]),
    ...(data.skipsUnfit ? ['--skip-unfit'] : []),
    '--project',
    project,
  ];
  return words.map(quoted).join(' ');
}
