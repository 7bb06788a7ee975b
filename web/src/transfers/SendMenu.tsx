import { Button, Group, Menu, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconSend } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Peer } from '~/api';
import { counted, ProblemLine } from '~/common';
import { confidentialityQuery, profileWords } from '~/confidentiality';
import { peersQuery } from '~/peers';
import { type Sent, startDelivery, transfersKey } from './requests';

interface Props {
  project: string;
  /** How many series are meant, and which. */
  number: number;
  what: () => Promise<Sent>;
}

/** Has series sent to a peer, after a person has seen where to and in which form. */
export function SendMenu({ project, number, what }: Props) {
  const peers = useQuery(peersQuery(project));
  const [peer, setPeer] = useState<Peer | null>(null);
  return (
    <>
      <Menu position="top-start" shadow="md" width={240}>
        <Menu.Target>
          <Button size="xs" variant="default" leftSection={<IconSend size={16} stroke={1.5} />}>
            Send
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={320} style={{ overflow: 'auto' }}>
          {peers.data?.items.map((each) => (
            <Menu.Item key={each.name} onClick={() => setPeer(each)}>
              {each.name}
              <Text size="xs" c="dimmed">
                {each.deidentify ? 'de-identified' : 'as stored'}
              </Text>
            </Menu.Item>
          ))}
          {peers.data?.items.length === 0 && (
            <Menu.Item renderRoot={(props) => <Link to="/projects/$project/peers" params={{ project }} {...props} />}>
              No peer is known here yet
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <ProblemLine error={peers.error} />
      <Modal
        opened={peer !== null}
        onClose={() => setPeer(null)}
        title={`Send ${counted(number, 'series', 'series')} to ${peer?.name}?`}
      >
        {peer && <Confirm project={project} peer={peer} what={what} onDone={() => setPeer(null)} />}
      </Modal>
    </>
  );
}

function Confirm({ project, peer, what, onDone }: Omit<Props, 'number'> & { peer: Peer; onDone: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const usual = useQuery(confidentialityQuery(project));
  const send = useMutation({
    mutationFn: async () => startDelivery(project, peer.name, await what()),
    onSuccess: async ({ id }) => {
      onDone();
      notifications.show({ message: `They are on their way to ${peer.name}.` });
      await queries.invalidateQueries({ queryKey: transfersKey(project, 'deliveries') });
      await navigate({
        to: '/projects/$project/transfers/$kind/$transfer',
        params: { project, kind: 'deliveries', transfer: id },
      });
    },
  });
  return (
    <Stack gap={16}>
      <Text>
        {peer.deidentify
          ? `They are de-identified as this project does it. ${usual.data ? profileWords(usual.data) : ''}`
          : 'They are sent as they are stored, with everything that names the patient.'}
      </Text>
      <Text c="dimmed" fz="sm">
        What leaves the site, and by whom, is in the audit log.
      </Text>
      <ProblemLine error={send.error} />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={onDone}>
          Do not send
        </Button>
        <Button loading={send.isPending} onClick={() => send.mutate()} data-autofocus>
          Send
        </Button>
      </Group>
    </Stack>
  );
}
