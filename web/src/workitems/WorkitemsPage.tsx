import { Button, Chip, Group, Progress, Skeleton, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconClipboardList } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { WorkitemItem } from '~/api';
import { Age, CommandLine, EmptyState, PageHeader, ProblemView, personName } from '~/common';
import { type WorkitemsFilter, workitemsQuery } from './requests';
import { WorkitemState } from './WorkitemState';
import { inWords, isState, nowWords, percentOf, STATES, whoWords } from './words';

interface Props {
  project: string;
  filter: WorkitemsFilter;
  /** Change the filter, which stands in the address. */
  onFilter: (filter: WorkitemsFilter) => void;
}

/** The worklist of a project: what is to be done, by this site or by others. */
export function WorkitemsPage({ project, filter, onFilter }: Props) {
  const list = useInfiniteQuery(workitemsQuery(project, filter));
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHeader title="Workitems" description="What is to be done with images, by this site or by others." />
      <Filters filter={filter} onFilter={onFilter} />
      {list.error && !list.data ? (
        <ProblemView error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Stack px={24} gap={8}>
          {[1, 2, 3].map((row) => (
            <Skeleton key={row} h={44} />
          ))}
        </Stack>
      ) : items.length === 0 ? (
        <NoWorkitems
          project={project}
          filtered={Boolean(filter.state || filter.label || filter.station)}
          onAll={() => onFilter({})}
        />
      ) : (
        <Stack px={24} pb={48} gap={12}>
          <WorkitemTable project={project} items={items} />
          {list.hasNextPage && (
            <Button variant="default" mx="auto" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
              Older
            </Button>
          )}
        </Stack>
      )}
    </>
  );
}

function Filters({ filter, onFilter }: Omit<Props, 'project'>) {
  const [label, setLabel] = useState(filter.label ?? '');
  const [station, setStation] = useState(filter.station ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFilter({ ...filter, label: label.trim(), station: station.trim() });
  };
  return (
    <Group px={24} pb={16} gap={12} align="center">
      <Chip.Group
        value={isState(filter.state) ? filter.state : ''}
        onChange={(state) => onFilter({ ...filter, state: state as string })}
      >
        <Group gap={6}>
          <Chip value="" size="xs" variant="outline">
            All
          </Chip>
          {STATES.map((state) => (
            <Chip key={state} value={state} size="xs" variant="outline">
              {inWords(state)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <Group component="form" gap={8} onSubmit={submit}>
        <TextInput
          size="xs"
          w={160}
          aria-label="Label"
          placeholder="Label"
          maxLength={64}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          w={140}
          aria-label="Station"
          placeholder="Station"
          maxLength={64}
          value={station}
          onChange={(event) => setStation(event.currentTarget.value)}
        />
        <Button type="submit" size="xs" variant="default">
          Find
        </Button>
      </Group>
    </Group>
  );
}

function NoWorkitems({ project, filtered, onAll }: { project: string; filtered: boolean; onAll: () => void }) {
  if (filtered)
    return (
      <EmptyState icon={IconClipboardList} title="No workitem is like that">
        <Button variant="default" onClick={onAll}>
          Show all workitems
        </Button>
      </EmptyState>
    );
  return (
    <EmptyState icon={IconClipboardList} title="Nothing is on the worklist yet">
      <Stack gap={12}>
        <span>
          Choose series in{' '}
          <Link to="/projects/$project/datasets" params={{ project }}>
            Datasets
          </Link>
          , open a workflow and press “Put on the worklist”. A reporting system or a scheduler orders over UPS-RS; on
          the command line it is:
        </span>
        <CommandLine command={`kahua workitem create EXTENSION/WORKFLOW --study UID --project ${project}`} />
      </Stack>
    </EmptyState>
  );
}

function WorkitemTable({ project, items }: { project: string; items: WorkitemItem[] }) {
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={130}>State</Table.Th>
          <Table.Th>Workitem</Table.Th>
          <Table.Th visibleFrom="sm">Patient</Table.Th>
          <Table.Th visibleFrom="xs">Progress</Table.Th>
          <Table.Th visibleFrom="sm" ta="right">
            Ordered
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((item) => (
          <Row key={item.uid} project={project} item={item} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Row({ project, item }: { project: string; item: WorkitemItem }) {
  const percent = percentOf(item);
  const now = nowWords(item);
  return (
    <Table.Tr>
      <Table.Td style={{ verticalAlign: 'top' }}>
        <WorkitemState state={item.state} />
        {item.priority !== 'MEDIUM' && (
          <Text fz="xs" c="dimmed">
            {item.priority === 'HIGH' ? 'high priority' : 'low priority'}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere', verticalAlign: 'top' }}>
        <Link to="/projects/$project/workitems/$workitem" params={{ project, workitem: item.uid }}>
          {item.label}
        </Link>
        <Text fz="xs" c="dimmed">
          {whoWords(item)}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="sm" className="patient" style={{ overflowWrap: 'anywhere', verticalAlign: 'top' }}>
        {personName(item.patient_name)}
        <Text fz="xs" c="dimmed">
          {item.patient_id}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="xs" maw={280} style={{ verticalAlign: 'top' }}>
        {percent !== null && <Progress value={percent} size={6} mt={6} aria-label={`Progress of ${item.label}`} />}
        <Text fz="xs" c="dimmed" mt={4} lineClamp={2}>
          {now}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="right" style={{ verticalAlign: 'top' }}>
        <Age moment={item.created_at} />
        <Text fz="xs" c="dimmed">
          by {item.created_by}
        </Text>
      </Table.Td>
    </Table.Tr>
  );
}
