import { Anchor, Group, Stack, Table, Text } from '@mantine/core';
import { IconFile, IconPhotoScan, IconRuler2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Result } from '~/api';
import { type Measurement, measurementsOf, writeValue } from './measurements';

function Measurements({ measurements }: { measurements: Measurement[] }) {
  return (
    <Table verticalSpacing={4} fz="sm" maw={520}>
      <Table.Tbody>
        {measurements.map((one) => (
          <Table.Tr key={`${one.segment}-${one.name}`}>
            <Table.Td>{one.title || one.name}</Table.Td>
            <Table.Td c="dimmed">{one.segment}</Table.Td>
            <Table.Td ta="right">{writeValue(one)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Target({ project, result }: { project: string; result: Result }) {
  const label = result.title || result.output;
  if (result.series_id)
    return (
      <Anchor
        renderRoot={(props) => (
          <Link
            to="/projects/$project/series/$series"
            params={{ project, series: result.series_id ?? '' }}
            {...props}
          />
        )}
      >
        {label}
      </Anchor>
    );
  if (result.file_id) return <Anchor href={`/api/projects/${project}/files/${result.file_id}/content`}>{label}</Anchor>;
  return <Text span>{label}</Text>;
}

const ICONS: Record<string, typeof IconFile> = {
  segmentation: IconPhotoScan,
  image: IconPhotoScan,
  measurements: IconRuler2,
};

/** What a run has produced, each with the way to it. */
export function Results({ project, results }: { project: string; results: readonly Result[] }) {
  if (results.length === 0) return <Text c="dimmed">Nothing yet.</Text>;
  return (
    <Stack gap={12}>
      {results.map((result) => {
        const Sign = ICONS[result.type] ?? IconFile;
        const measurements = measurementsOf(result.summary);
        return (
          <Stack key={result.id} gap={4}>
            <Group gap={8} wrap="nowrap">
              <Sign size={18} stroke={1.5} color="var(--kahua-quiet)" aria-hidden style={{ flex: 'none' }} />
              <Target project={project} result={result} />
              <Text span fz="xs" c="dimmed">
                {result.type}
              </Text>
            </Group>
            {measurements.length > 0 && <Measurements measurements={measurements} />}
          </Stack>
        );
      })}
    </Stack>
  );
}
