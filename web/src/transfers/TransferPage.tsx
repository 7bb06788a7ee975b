import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { IconTable } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Age, CopyText, exact, PageHeader, ProblemView, personName } from '~/common';
import { Actions } from './Actions';
import { Bar } from './Bar';
import { itemsQuery, type Kind, type Item as Part, tableAddress, transferQuery } from './requests';
import { instanceWords, seriesWords, stateWord } from './words';

interface Props {
  project: string;
  kind: Kind;
  id: string;
}

const STATES: Record<string, string> = { waiting: 'Waiting', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' };

function What({ project, item }: { project: string; item: Part }) {
  if (item.series.length > 0)
    return (
      <Stack gap={4}>
        {item.series.map((series) => (
          <div key={series.id}>
            <Link to="/projects/$project/series/$series" params={{ project, series: series.id }}>
              {series.description || 'Without description'}
            </Link>
            <Text fz="xs" c="dimmed">
              {series.modality} ·{' '}
              <span className="patient">{personName(series.patient_name) || series.patient_id}</span>
            </Text>
          </div>
        ))}
      </Stack>
    );
  if ('series_id' in item) return <Text c="dimmed">A series that is no longer here</Text>;
  const uid = item.series_uid || item.study_uid;
  const named = item.accession_number ? `Accession ${item.accession_number}` : `Patient ${item.patient_id}`;
  return uid ? <CopyText text={uid} length={34} /> : <span className="patient">{named}</span>;
}

function Item({ project, item }: { project: string; item: Part }) {
  const waits = item.state === 'waiting' && item.attempts > 0;
  return (
    <Table.Tr>
      <Table.Td>
        <What project={project} item={item} />
      </Table.Td>
      <Table.Td>
        {STATES[item.state] ?? item.state}
        {item.note && (
          <Text fz="xs" c="dimmed" hiddenFrom="xs" style={{ overflowWrap: 'anywhere' }}>
            {item.note}
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="xs">
        {'series_id' in item || item.series_uid ? instanceWords({ ...item, items: {} }) : 'looked up'}
      </Table.Td>
      <Table.Td ta="right" visibleFrom="md">
        {item.attempts}
      </Table.Td>
      <Table.Td visibleFrom="xs" style={{ overflowWrap: 'anywhere' }}>
        {item.note}
        {waits && (
          <Text fz="xs" c="dimmed">
            Next attempt {exact(item.not_before)}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** One order: how far it is, and what became of each series, with the reason in words. */
export function TransferPage({ project, kind, id }: Props) {
  const order = useQuery(transferQuery(project, kind, id));
  const items = useInfiniteQuery(itemsQuery(project, kind, id, order.data?.state === 'active'));
  if (order.error && !order.data) return <ProblemView error={order.error} retry={() => order.refetch()} />;
  if (!order.data) return null;
  const found = items.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHeader
        title={`${kind === 'pulls' ? 'From' : 'To'} ${order.data.peer}`}
        description={`${stateWord(order.data)}: ${seriesWords(order.data)}; ${instanceWords(order.data)}.`}
        actions={
          <Group gap={8}>
            <Button
              size="xs"
              variant="default"
              component="a"
              href={tableAddress(project, kind, id)}
              download
              leftSection={<IconTable size={16} stroke={1.5} />}
            >
              Table (CSV)
            </Button>
            <Actions project={project} kind={kind} order={order.data} />
          </Group>
        }
      />
      <Stack px={24} pb={16} gap={8}>
        <Bar state={order.data.state} items={order.data.items} />
        <Text c="dimmed" fz="sm">
          Ordered by {order.data.created_by}, <Age moment={order.data.created_at} />
          {'deidentified' in order.data && (order.data.deidentified ? '; de-identified' : '; as stored')}
        </Text>
      </Stack>
      {items.error && !items.data && <ProblemView error={items.error} retry={() => items.refetch()} />}
      <Stack px={24} pb={48} gap={0}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{kind === 'pulls' ? 'Wanted' : 'Series'}</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th visibleFrom="xs">Instances</Table.Th>
              <Table.Th ta="right" visibleFrom="md">
                Attempts
              </Table.Th>
              <Table.Th visibleFrom="xs">What happened</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {found.map((item) => (
              <Item key={item.id} project={project} item={item} />
            ))}
          </Table.Tbody>
        </Table>
        {items.hasNextPage && (
          <Group justify="center" py={12}>
            <Button variant="default" loading={items.isFetchingNextPage} onClick={() => items.fetchNextPage()}>
              More
            </Button>
          </Group>
        )}
      </Stack>
    </>
  );
}
