export interface Measurement {
  name: string;
  title: string;
  value: number;
  unit: string;
  segment: string;
}

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

/** The measurements in a result's summary; what is none is left out. */
export function measurementsOf(summary: Record<string, unknown>): Measurement[] {
  const rows = Array.isArray(summary.measurements) ? (summary.measurements as unknown[]) : [];
  return rows.flatMap((row) => {
    if (typeof row !== 'object' || row === null) return [];
    const { name, title, value, unit, segment } = row as Record<string, unknown>;
    const number = typeof value === 'number' ? value : Number(value);
    if (!Number.isFinite(number)) return [];
    return [{ name: text(name), title: text(title), value: number, unit: text(unit), segment: text(segment) }];
  });
}

/** A value with its unit: at most three digits behind the point, fewer for large ones. */
export function writeValue({ value, unit }: Pick<Measurement, 'value' | 'unit'>): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 3;
  const shown = new Intl.NumberFormat('en', { maximumFractionDigits: digits }).format(value);
  return unit && unit !== '1' ? `${shown} ${unit}` : shown;
}
