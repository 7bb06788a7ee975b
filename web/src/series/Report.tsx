import { Skeleton, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { SeriesDetail } from '~/api';
import { ProblemView } from '~/common';
import { type Line, reportOf } from './report';
import { reportQuery } from './requests';
import classes from './series.module.css';

function Lines({ lines }: { lines: readonly Line[] }) {
  return (
    <ul className={classes.lines}>
      {lines.map((line, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a report never changes, and its lines have no names of their own
        <li key={place}>
          {(line.name || !line.value) && (
            <Text span mr={10} c={line.value ? 'dimmed' : undefined} fw={line.value ? 400 : 600}>
              {line.name || 'Group'}
            </Text>
          )}
          {line.value && (
            <span className={classes.said} dir="auto">
              {line.value}
            </span>
          )}
          {line.lines.length > 0 && <Lines lines={line.lines} />}
        </li>
      ))}
    </ul>
  );
}

/** The structured reports of a series, in words. */
export function Report({ project, series }: { project: string; series: SeriesDetail }) {
  const query = useQuery(reportQuery(project, series));
  if (query.error) return <ProblemView error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton m={24} h={240} w="auto" />;
  return (
    <article className={classes.report} aria-label="Report">
      {query.data.map(reportOf).map((report, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the reports of a series come in one order
        <section key={place}>
          <Title order={2}>{report.title || 'Report'}</Title>
          <Lines lines={report.lines} />
          {report.isCut && <Text c="dimmed">The report is longer; its end is left out here.</Text>}
          {report.lines.length === 0 && <Text c="dimmed">It has no content.</Text>}
        </section>
      ))}
    </article>
  );
}
