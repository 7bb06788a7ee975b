import { Button, Group, Modal, Stack, Table, Text, VisuallyHidden } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconTrash } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useProject } from '~/access';
import type { TrashItem } from '~/api';
import { Age, counted, EmptyState, exact, PageHeader, ProblemLine, ProblemView, personName, size } from '~/common';
import { emptyFromTrash, restoreFromTrash, trashQuery } from './requests';
import { restoredWords } from './trash';

interface RowProps {
  project: string;
  item: TrashItem;
  onErase?: () => void;
  onChange: () => unknown;
}

function Row({ project, item, onErase, onChange }: RowProps) {
  const restore = useMutation({
    mutationFn: () => restoreFromTrash(project, item.id),
    onSuccess: (answer) => {
      notifications.show({ message: restoredWords(answer) });
      return onChange();
    },
  });
  return (
    <Table.Tr>
      <Table.Td maw={360}>
        <div className="truncate">{[item.modality, item.description].filter(Boolean).join(' · ') || 'A series'}</div>
        <Text fz="xs" c="dimmed">
          {[personName(item.patient_name), item.patient_id].filter(Boolean).join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td>
        {counted(item.instance_count, 'instance')}
        <Text fz="xs" c="dimmed">
          {size(item.size)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Age moment={item.deleted_at} />
        <Text fz="xs" c="dimmed">
          by {item.deleted_by}
        </Text>
      </Table.Td>
      <Table.Td title={exact(item.kept_until)}>{new Date(item.kept_until).toLocaleDateString('en-GB')}</Table.Td>
      <Table.Td>
        <Group gap={8} justify="flex-end" wrap="nowrap">
          <Button size="xs" variant="default" loading={restore.isPending} onClick={() => restore.mutate()}>
            Restore
          </Button>
          {onErase && (
            <Button size="xs" variant="default" onClick={onErase}>
              Erase now
            </Button>
          )}
        </Group>
        <ProblemLine error={restore.error} />
      </Table.Td>
    </Table.Tr>
  );
}

/** What was deleted from a project and can still be brought back. */
export function TrashPage({ project }: { project: string }) {
  const queries = useQueryClient();
  const mayErase = useProject(project)?.permissions.includes('series.erase');
  const list = useInfiniteQuery(trashQuery(project));
  const refresh = () => queries.invalidateQueries({ queryKey: ['project', project] });
  const [going, setGoing] = useState<TrashItem | null>(null);
  const erase = useMutation({
    mutationFn: (id: string) => emptyFromTrash(project, id),
    onSuccess: () => {
      setGoing(null);
      return refresh();
    },
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.error && !list.data) return <ProblemView error={list.error} retry={() => list.refetch()} />;
  return (
    <>
      <PageHeader
        title="Trash"
        description="What was deleted here. Nobody else sees it; it can be restored until its day comes, then it is erased."
      />
      {list.isSuccess && items.length === 0 && (
        <EmptyState icon={IconTrash} title="Nothing was deleted lately">
          Series that are deleted wait here for a while before they are erased.
        </EmptyState>
      )}
      {items.length > 0 && (
        <Table.ScrollContainer minWidth={820} px={24} pb={24}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Series</Table.Th>
                <Table.Th>Content</Table.Th>
                <Table.Th>Deleted</Table.Th>
                <Table.Th>Kept until</Table.Th>
                <Table.Th>
                  <VisuallyHidden>Actions</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((item) => (
                <Row
                  key={item.id}
                  project={project}
                  item={item}
                  onErase={mayErase ? () => setGoing(item) : undefined}
                  onChange={refresh}
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
      <Modal opened={going !== null} onClose={() => setGoing(null)} title="Erase it now?">
        <Stack gap={16}>
          <Text>
            {going && counted(going.instance_count, 'instance')} of {going?.description || 'this series'} will be gone
            for ever. This cannot be undone.
          </Text>
          <ProblemLine error={erase.error} />
          <Group justify="flex-end" gap={8}>
            <Button variant="default" onClick={() => setGoing(null)} data-autofocus>
              Keep it
            </Button>
            <Button color="red" loading={erase.isPending} onClick={() => going && erase.mutate(going.id)}>
              Erase
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
