import { Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { WorkitemPart } from '~/api';
import { CopyText, counted } from '~/common';
import { RelatedList } from '~/series';

interface Props {
  project: string;
  parts: readonly WorkitemPart[];
  empty: string;
}

/** Parts that are shown at first; an order on a whole dataset names hundreds. */
const MOST = 20;

/** The images that a workitem names: as series with their pictures where they are here, by their UID where not. */
export function Parts({ project, parts, empty }: Props) {
  if (parts.length === 0) return <Text c="dimmed">{empty}</Text>;
  const shown = parts.slice(0, MOST);
  return (
    <Stack gap={8}>
      {shown.map((part) =>
        part.series.length > 0 ? (
          <RelatedList key={part.study_uid + part.series_uid} project={project} items={part.series} empty="" />
        ) : (
          <Absent key={part.study_uid + part.series_uid} part={part} />
        ),
      )}
      {parts.length > shown.length && (
        <Text c="dimmed">and {counted(parts.length - shown.length, 'more', 'more')}</Text>
      )}
      <Text fz="sm">
        <Link to="/projects/$project/datasets" params={{ project }} search={{ q: queryOf(parts) }}>
          Show in Datasets
        </Link>
      </Text>
    </Stack>
  );
}

/** The query that finds the studies of some parts, the first ones. */
const queryOf = (parts: readonly WorkitemPart[]): string => `StudyInstanceUID:${parts[0]?.study_uid ?? ''}`;

function Absent({ part }: { part: WorkitemPart }) {
  return (
    <div>
      <Text fz="sm" c="dimmed">
        {part.series_uid ? 'A series' : 'A study'} that is not here
        {part.instances > 0 && `, ${counted(part.instances, 'instance')}`}
      </Text>
      <CopyText text={part.series_uid || part.study_uid} length={36} />
    </div>
  );
}
