import { Button, Group, Modal, Stack, Table, Text } from '@mantine/core';
import { IconCheck, IconServer2 } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useMe } from '~/access';
import type { Peer } from '~/api';
import { CommandLine, counted, EmptyState, PageHeader, ProblemLine, ProblemView } from '~/common';
import { addressOf, rightsOf } from './facts';
import { PeerForm } from './PeerForm';
import { echoPeer, peersQuery, removePeer } from './requests';

/** Asks a peer whether it is there, and says what it answered. */
function Test({ project, peer }: { project: string; peer: Peer }) {
  const echo = useMutation({ mutationFn: () => echoPeer(project, peer.name) });
  return (
    <Stack gap={4} align="flex-start">
      <Group gap={8} wrap="nowrap">
        <Button size="xs" variant="default" loading={echo.isPending} onClick={() => echo.mutate()}>
          Test
        </Button>
        {echo.isSuccess && (
          <Group gap={4} wrap="nowrap" role="status">
            <IconCheck size={16} stroke={1.5} color="var(--kahua-good)" aria-hidden />
            It answers
          </Group>
        )}
      </Group>
      <ProblemLine error={echo.error} />
    </Stack>
  );
}

function Row({ project, peer, mayManage, onEdit, onRemove }: RowProps) {
  return (
    <Table.Tr>
      <Table.Td>
        <Link to="/projects/$project/peers/$peer" params={{ project, peer: peer.name }}>
          {peer.name}
        </Link>
        <Text fz="xs" c="dimmed">
          {peer.kind === 'dimse' ? 'DIMSE' : 'DICOMweb'}
        </Text>
        <Text fz="xs" className="mono" hiddenFrom="md" style={{ overflowWrap: 'anywhere' }}>
          {addressOf(peer)}
        </Text>
      </Table.Td>
      <Table.Td maw={300} visibleFrom="md">
        <div className="mono truncate">{addressOf(peer)}</div>
        <Text fz="xs" c="dimmed">
          {peer.networks.length > 0 && `calls from ${peer.networks.join(', ')}`}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="xs">
        {rightsOf(peer)}
        <Text fz="xs" c="dimmed">
          {peer.deidentify ? 'is sent de-identified images' : 'is sent images as they are'}
          {peer.keep_hours && `; what it gives stays ${counted(peer.keep_hours, 'hour')}`}
        </Text>
      </Table.Td>
      <Table.Td>
        <Test project={project} peer={peer} />
      </Table.Td>
      <Table.Td>
        {mayManage && (
          <Group gap={8} justify="flex-end">
            <Button size="xs" variant="default" onClick={onEdit} aria-label={`Change ${peer.name}`}>
              Change
            </Button>
            <Button size="xs" variant="default" onClick={onRemove} aria-label={`Remove ${peer.name}`}>
              Remove
            </Button>
          </Group>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

interface RowProps {
  project: string;
  peer: Peer;
  mayManage: boolean;
  onEdit: () => void;
  onRemove: () => void;
}

/** The other DICOM applications that a project knows. */
export function PeersPage({ project }: { project: string }) {
  const queries = useQueryClient();
  const mayManage = useMe().site_permissions.includes('peer.manage');
  const peers = useQuery(peersQuery(project));
  const refresh = () => queries.invalidateQueries({ queryKey: peersQuery(project).queryKey });
  const remove = useMutation({ mutationFn: (name: string) => removePeer(project, name), onSuccess: refresh });
  const [edited, setEdited] = useState<Peer | 'new' | null>(null);
  const [going, setGoing] = useState<Peer | null>(null);
  if (peers.error) return <ProblemView error={peers.error} retry={() => peers.refetch()} />;
  const items = peers.data?.items ?? [];
  return (
    <>
      <PageHeader
        title="Peers"
        description="Scanners, workstations and archives that this project knows: what they may do here, and how they are called."
        actions={mayManage && <Button onClick={() => setEdited('new')}>Add a peer</Button>}
      />
      {peers.isSuccess && items.length === 0 && (
        <EmptyState icon={IconServer2} title="No other archive is known here yet">
          <Stack gap={12}>
            A peer can be searched, brought in from and sent to.{' '}
            {mayManage ? 'Add the first one here, or on the command line:' : 'An administrator of the site adds them.'}
            {mayManage && (
              <CommandLine
                command={`kahua peer add pacs --ae-title PACS --host 10.1.2.3 --port 104 --project ${project}`}
              />
            )}
          </Stack>
        </EmptyState>
      )}
      {items.length > 0 && (
        <Stack px={24} pb={48} gap={12}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Peer</Table.Th>
                <Table.Th visibleFrom="md">Address</Table.Th>
                <Table.Th visibleFrom="xs">Rights</Table.Th>
                <Table.Th>Connection</Table.Th>
                <Table.Th aria-label="Actions" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((peer) => (
                <Row
                  key={peer.name}
                  project={project}
                  peer={peer}
                  mayManage={mayManage}
                  onEdit={() => setEdited(peer)}
                  onRemove={() => setGoing(peer)}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      )}
      <Modal
        opened={edited !== null}
        onClose={() => setEdited(null)}
        title={edited === 'new' ? 'Add a peer' : `Change ${edited?.name}`}
      >
        {edited && (
          <PeerForm
            project={project}
            peer={edited === 'new' ? undefined : edited}
            onDone={() => {
              setEdited(null);
              return refresh();
            }}
          />
        )}
      </Modal>
      <Modal opened={going !== null} onClose={() => setGoing(null)} title={`Remove ${going?.name}?`}>
        <Stack gap={16}>
          <Text>
            It may call here no more, and is called no more. Images that came from it stay; while some are kept there
            alone, it cannot be removed.
          </Text>
          <ProblemLine error={remove.error} />
          <Button
            color="red"
            loading={remove.isPending}
            onClick={() => going && remove.mutate(going.name, { onSuccess: () => setGoing(null) })}
          >
            Remove the peer
          </Button>
        </Stack>
      </Modal>
    </>
  );
}
