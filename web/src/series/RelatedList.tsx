import { Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { SeriesItem } from '~/api';
import { Age } from '~/common';
import { Picture } from '~/datasets';

interface Props {
  project: string;
  items: readonly SeriesItem[];
  empty: string;
}

/** Series that belong to another, each with its picture and the way to it. */
export function RelatedList({ project, items, empty }: Props) {
  if (items.length === 0) return <Text c="dimmed">{empty}</Text>;
  return (
    <Stack gap={8}>
      {items.map((item) => (
        <Link
          key={item.id}
          to="/projects/$project/series/$series"
          params={{ project, series: item.id }}
          style={{ color: 'inherit', textDecoration: 'none' }}
        >
          <Group gap={12} wrap="nowrap">
            <div
              style={{ width: 72, height: 72, flex: 'none', background: '#000', borderRadius: 6, overflow: 'hidden' }}
            >
              {item.preview.url ? <Picture series={item} /> : null}
            </div>
            <div style={{ minWidth: 0 }}>
              <div className="truncate">{item.description || 'Without description'}</div>
              <Text fz="xs" c="dimmed">
                {item.modality} · <Age moment={item.received_at} />
              </Text>
            </div>
          </Group>
        </Link>
      ))}
    </Stack>
  );
}
