import { duration, size } from '~/common';

const amount = (value: unknown): string => {
  if (typeof value === 'number') return size(value);
  if (typeof value === 'object' && value !== null && 'base' in value)
    return `${size(Number(value.base))} and more with the input`;
  return String(value);
};

/** What a step needs, in words: "2 processors, 3 GB of memory, at most 30 min". */
export function needs(step: Record<string, unknown>): string {
  const { cpus, memory, gpus, minutes } = step;
  return [
    typeof cpus === 'number' && `${cpus} ${cpus === 1 ? 'processor' : 'processors'}`,
    memory !== undefined && `${amount(memory)} of memory`,
    typeof gpus === 'number' && gpus > 0 && `${gpus} ${gpus === 1 ? 'GPU' : 'GPUs'}`,
    typeof minutes === 'number' && `at most ${duration(minutes * 60)}`,
  ]
    .filter(Boolean)
    .join(', ');
}
