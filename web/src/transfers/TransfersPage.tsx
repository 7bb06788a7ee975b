import { Button, Group, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { IconTransfer } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Age, CommandLine, EmptyState, PageHeader, ProblemView } from '~/common';
import { Actions } from './Actions';
import { Bar } from './Bar';
import { type Kind, type Order, transfersQuery } from './requests';
import { instanceWords, seriesWords, stateWord } from './words';

interface Props {
  project: string;
  kind: Kind;
  onKind: (kind: Kind) => void;
}

const EMPTY: Record<Kind, { title: string; text: string; command: string }> = {
  pulls: {
    title: 'Nothing was brought in from a peer yet',
    text: 'Search a peer and press Bring in, or name what is wanted on the command line:',
    command: 'kahua pull start PEER --accession NUMBER',
  },
  deliveries: {
    title: 'Nothing was sent to a peer yet',
    text: 'Choose series in the gallery and press Send, or on the command line:',
    command: 'kahua send --peer PEER --dataset NAME',
  },
};

function Row({ project, kind, order }: { project: string; kind: Kind; order: Order }) {
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'break-word' }}>
        <Link to="/projects/$project/transfers/$kind/$transfer" params={{ project, kind, transfer: order.id }}>
          {order.peer}
        </Link>
        {'deidentified' in order && (
          <Text fz="xs" c="dimmed">
            {order.deidentified ? 'de-identified' : 'as stored'}
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">{stateWord(order)}</Table.Td>
      <Table.Td>
        <Text hiddenFrom="sm">{stateWord(order)}</Text>
        <Bar state={order.state} items={order.items} />
        <Text fz="xs" c="dimmed" mt={4}>
          {seriesWords(order)}
          <Text span inherit hiddenFrom="md">
            ; {instanceWords(order)}
          </Text>
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="md">{instanceWords(order)}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Age moment={order.created_at} />
        <Text fz="xs" c="dimmed">
          by {order.created_by}
        </Text>
      </Table.Td>
      <Table.Td>
        <Actions project={project} kind={kind} order={order} />
      </Table.Td>
    </Table.Tr>
  );
}

/** What was brought in from peers, and what was sent to them. */
export function TransfersPage({ project, kind, onKind }: Props) {
  const list = useInfiniteQuery(transfersQuery(project, kind));
  const orders = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHeader
        title="Transfers"
        description="What comes from peers and goes to them. It goes on when this page is closed, and after the site was stopped."
      />
      <Group px={24} pb={16}>
        <SegmentedControl
          aria-label="Direction"
          data={[
            { value: 'pulls', label: 'Brought in' },
            { value: 'deliveries', label: 'Sent' },
          ]}
          value={kind}
          onChange={(value) => onKind(value as Kind)}
        />
      </Group>
      {list.error && !list.data && <ProblemView error={list.error} retry={() => list.refetch()} />}
      {list.isSuccess && orders.length === 0 && (
        <EmptyState icon={IconTransfer} title={EMPTY[kind].title}>
          {EMPTY[kind].text}
          <CommandLine command={`${EMPTY[kind].command} --project ${project}`} />
        </EmptyState>
      )}
      {orders.length > 0 && (
        <Stack px={24} pb={48} gap={0}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Peer</Table.Th>
                <Table.Th visibleFrom="sm">State</Table.Th>
                <Table.Th>Series</Table.Th>
                <Table.Th visibleFrom="md">Instances</Table.Th>
                <Table.Th visibleFrom="sm">Ordered</Table.Th>
                <Table.Th aria-label="Actions" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {orders.map((order) => (
                <Row key={order.id} project={project} kind={kind} order={order} />
              ))}
            </Table.Tbody>
          </Table>
          {list.hasNextPage && (
            <Group justify="center" py={12}>
              <Button variant="default" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                Older
              </Button>
            </Group>
          )}
        </Stack>
      )}
    </>
  );
}
