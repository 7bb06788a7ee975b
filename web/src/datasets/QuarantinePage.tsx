import { Button, Group, ScrollArea, Table, Text } from '@mantine/core';
import { IconShieldCheck } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Age, CopyText, EmptyState, PageHeader, ProblemView, size } from '~/common';
import { quarantineQuery } from './requests';

/** What was sent to a project and could not be accepted, and why. */
export function QuarantinePage({ project }: { project: string }) {
  const list = useInfiniteQuery(quarantineQuery(project));
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.error && !list.data) return <ProblemView error={list.error} retry={() => list.refetch()} />;
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
      {items.length > 0 && (
        <ScrollArea px={24} pb={24}>
          <Table miw={860}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Reason</Table.Th>
                <Table.Th>Object</Table.Th>
                <Table.Th>Came by</Table.Th>
                <Table.Th ta="right">Size</Table.Th>
                <Table.Th ta="right">Age</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((item) => (
                <Table.Tr key={item.id}>
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
                </Table.Tr>
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
        </ScrollArea>
      )}
    </>
  );
}
