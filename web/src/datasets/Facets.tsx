import { Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { SeriesFacets } from '~/api';
import { count, ProblemLine } from '~/common';
import classes from './gallery.module.css';
import { chipFor, has, readQuery, toggled, writeQuery } from './query';
import { facetsQuery, type SeriesWhere } from './requests';

const FACETS: { name: keyof SeriesFacets; field: string; title: string }[] = [
  { name: 'modality', field: 'Modality', title: 'Modality' },
  { name: 'body_part', field: 'BodyPartExamined', title: 'Body part' },
  { name: 'validation', field: 'Validation', title: 'Validation' },
  { name: 'source', field: 'Source', title: 'At its source' },
  { name: 'manufacturer', field: 'Manufacturer', title: 'Manufacturer' },
];

interface Props {
  project: string;
  where: SeriesWhere;
  onQuery: (query: string) => void;
}

/** What is among the series found; a click asks for it alone. */
export function Facets({ project, where, onQuery }: Props) {
  const { data, error } = useQuery(facetsQuery(project, where));
  const chips = readQuery(where.q);
  return (
    <aside className={classes.facets} aria-label="What is among them">
      <ProblemLine error={error} />
      {FACETS.map(({ name, field, title }) => {
        const values = (data?.[name] ?? []).filter((one) => one.value);
        const most = Math.max(1, ...values.map((one) => one.count));
        if (values.length === 0) return null;
        return (
          <section key={name}>
            <Title order={2} fz="xs" c="dimmed" mt={16} mb={4}>
              {title}
            </Title>
            {values.map(({ value, count: number }) => (
              <button
                key={value}
                type="button"
                className={classes.facet}
                aria-pressed={has(chips, chipFor(field, value))}
                onClick={() => onQuery(writeQuery(toggled(chips, chipFor(field, value))))}
                style={{
                  backgroundImage:
                    'linear-gradient(var(--mantine-color-default-border), var(--mantine-color-default-border))',
                  backgroundRepeat: 'no-repeat',
                  backgroundPosition: '0 100%',
                  backgroundSize: `${(100 * number) / most}% 2px`,
                }}
              >
                <span className="truncate">{value}</span>
                <Text span c="dimmed" fz="inherit">
                  {count(number)}
                </Text>
              </button>
            ))}
          </section>
        );
      })}
    </aside>
  );
}
