import { ActionIcon, Button, Checkbox, Group, Modal, Stack, Table, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDownload, IconShieldCheck } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useProject } from '~/access';
import type { QuarantineItem } from '~/api';
import { Age, CopyText, counted, EmptyState, PageHeader, ProblemLine, ProblemView, size } from '~/common';
import { isHeld, objectAddress, outcomeWords, storeAgain } from './quarantine';
import { discardFromQuarantine, quarantineQuery, releaseFromQuarantine } from './requests';

interface RowProps {
  project: string;
  item: QuarantineItem;
  /** Only for those who may decide. */
  choice?: { chosen: boolean; toggle: () => void };
}

function Row({ project, item, choice }: RowProps) {
  return (
    <Table.Tr>
      {choice && (
        <Table.Td>
          <Checkbox aria-label={`Choose ${item.name || item.id}`} checked={choice.chosen} onChange={choice.toggle} />
        </Table.Td>
      )}
      <Table.Td maw={420}>
        {item.reason}
        <Text fz="xs" c="dimmed">
          {item.reason_code}
        </Text>
      </Table.Td>
      <Table.Td maw={280}>
        <div className="truncate">{item.name}</div>
        {item.sop_instance_uid && <CopyText text={item.sop_instance_uid} length={30} />}
      </Table.Td>
      <Table.Td>
        {item.door}
        <Text fz="xs" c="dimmed">
          {item.sender}
        </Text>
      </Table.Td>
      <Table.Td ta="right">{size(item.size)}</Table.Td>
      <Table.Td ta="right">
        <Age moment={item.received_at} />
      </Table.Td>
      {choice && (
        <Table.Td>
          <Tooltip label="Download, to look at it">
            <ActionIcon
              component="a"
              href={objectAddress(project, item.id)}
              download
              variant="subtle"
              color="gray"
              aria-label={`Download ${item.name || item.id}`}
            >
              <IconDownload size={16} stroke={1.5} />
            </ActionIcon>
          </Tooltip>
        </Table.Td>
      )}
    </Table.Tr>
  );
}

interface DecisionProps {
  project: string;
  items: readonly QuarantineItem[];
  onDone: () => unknown;
}

/** What can be done with the chosen objects. */
function Decision({ project, items, onDone }: DecisionProps) {
  const ids = items.map((item) => item.id);
  const [asking, setAsking] = useState(false);
  const again = useMutation({
    mutationFn: () => storeAgain(ids, (item) => releaseFromQuarantine(project, item)),
    onSuccess: (outcome) => {
      const color = outcome.refused.length ? 'yellow' : undefined;
      notifications.show({ message: outcomeWords(outcome), color, autoClose: outcome.refused.length ? 12_000 : 4_000 });
      return onDone();
    },
  });
  const discard = useMutation({
    mutationFn: async () => {
      for (const id of ids) await discardFromQuarantine(project, id);
    },
    onSuccess: () => setAsking(false),
    onSettled: onDone,
  });
  return (
    <Group px={24} pb={12} gap={8}>
      <Text fz="sm">{counted(items.length, 'object')}</Text>
      <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate()}>
        {items.every(isHeld) ? 'Release' : 'Try again'}
      </Button>
      <Button size="xs" variant="default" onClick={() => setAsking(true)}>
        Discard
      </Button>
      {items.some((item) => item.reason_code === 'sop-instance-conflict') && (
        <Text fz="xs" c="dimmed">
          An object whose UID is taken comes in once the first one is deleted.
        </Text>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Discard ${counted(items.length, 'object')}?`}>
        <Stack gap={16}>
          <Text>The bytes will be gone for ever. This cannot be undone.</Text>
          <ProblemLine error={discard.error} />
          <Group justify="flex-end" gap={8}>
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              Keep
            </Button>
            <Button color="red" loading={discard.isPending} onClick={() => discard.mutate()}>
              Discard
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  );
}

/** What was sent to a project and could not be accepted, why, and what becomes of it. */
export function QuarantinePage({ project }: { project: string }) {
  const queries = useQueryClient();
  const mayDecide = useProject(project)?.permissions.includes('quarantine.manage') ?? false;
  const list = useInfiniteQuery(quarantineQuery(project));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const picked = items.filter((item) => chosen.has(item.id));
  if (list.error && !list.data) return <ProblemView error={list.error} retry={() => list.refetch()} />;
  const toggle = (id: string) =>
    setChosen((old) => new Set(old.has(id) ? [...old].filter((one) => one !== id) : [...old, id]));
  const toggleAll = () => setChosen(picked.length === items.length ? new Set() : new Set(items.map((item) => item.id)));
  const refresh = () => {
    setChosen(new Set());
    return queries.invalidateQueries({ queryKey: ['project', project] });
  };
  return (
    <>
      <PageHeader
        title="Quarantine"
        description="What was sent here and could not be accepted. The bytes are kept; nothing else was disturbed."
      />
      {list.isSuccess && items.length === 0 && (
        <EmptyState icon={IconShieldCheck} title="Everything that arrived was accepted">
          Broken or contradictory objects would be listed here, each with the reason.
        </EmptyState>
      )}
      {picked.length > 0 && <Decision project={project} items={picked} onDone={refresh} />}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={860} px={24} pb={24}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                {mayDecide && (
                  <Table.Th w={40}>
                    <Checkbox
                      aria-label="Choose all"
                      checked={picked.length === items.length}
                      indeterminate={picked.length > 0 && picked.length < items.length}
                      onChange={toggleAll}
                    />
                  </Table.Th>
                )}
                <Table.Th>Reason</Table.Th>
                <Table.Th>Object</Table.Th>
                <Table.Th>Came by</Table.Th>
                <Table.Th ta="right">Size</Table.Th>
                <Table.Th ta="right">Age</Table.Th>
                {mayDecide && (
                  <Table.Th>
                    <VisuallyHidden>Download</VisuallyHidden>
                  </Table.Th>
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((item) => (
                <Row
                  key={item.id}
                  project={project}
                  item={item}
                  choice={mayDecide ? { chosen: chosen.has(item.id), toggle: () => toggle(item.id) } : undefined}
                />
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
        </Table.ScrollContainer>
      )}
    </>
  );
}
