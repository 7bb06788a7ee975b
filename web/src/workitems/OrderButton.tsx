import { Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconClipboardPlus } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { DataRequest, WorkflowDetail } from '~/api';
import { counted, ProblemLine } from '~/common';
import { type OrderDetails, orderWorkitems, workitemsKey } from './requests';

interface Props {
  project: string;
  workflow: WorkflowDetail;
  data: DataRequest | null;
  disabled: boolean;
}

/** Puts a workflow on the worklist instead of starting it now: with a label, a priority, and not before a moment. */
export function OrderButton({ project, workflow, data, disabled }: Props) {
  const [opened, dialog] = useDisclosure(false);
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconClipboardPlus size={18} stroke={1.5} />}
        disabled={disabled}
        onClick={dialog.open}
      >
        Put on the worklist …
      </Button>
      <Modal opened={opened} onClose={dialog.close} title="Put on the worklist">
        {data && <Order project={project} workflow={workflow} data={data} onDone={dialog.close} />}
      </Modal>
    </>
  );
}

function Order({
  project,
  workflow,
  data,
  onDone,
}: Omit<Props, 'disabled'> & { data: DataRequest; onDone: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [label, setLabel] = useState(workflow.title.slice(0, 64));
  const [priority, setPriority] = useState<OrderDetails['priority']>('MEDIUM');
  const [start, setStart] = useState('');
  const order = useMutation({
    mutationFn: () =>
      orderWorkitems(project, workflow.name, data, {
        label: label.trim(),
        priority,
        starts_at: start ? new Date(start).toISOString() : null,
      }),
    onSuccess: async ({ items }) => {
      onDone();
      notifications.show({ message: `${counted(items.length, 'workitem')} on the worklist.` });
      await queries.invalidateQueries({ queryKey: workitemsKey(project) });
      const [first] = items;
      if (items.length === 1 && first)
        return navigate({ to: '/projects/$project/workitems/$workitem', params: { project, workitem: first.uid } });
      return navigate({ to: '/projects/$project/workitems', params: { project }, search: {} });
    },
  });
  return (
    <Stack gap={16}>
      <Text fz="sm" c="dimmed">
        {workflow.unit === 'series'
          ? 'One workitem for each patient. This site begins when its time has come.'
          : 'One workitem for all series. This site begins when its time has come.'}
      </Text>
      <TextInput
        label="Label"
        description="What people read in the list."
        maxLength={64}
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
        data-autofocus
      />
      <Stack gap={4}>
        <Text fz="sm" fw={500} id="order-priority">
          Priority
        </Text>
        <SegmentedControl
          aria-labelledby="order-priority"
          data={[
            { value: 'LOW', label: 'Low' },
            { value: 'MEDIUM', label: 'Medium' },
            { value: 'HIGH', label: 'High' },
          ]}
          value={priority}
          onChange={(value) => setPriority(value as OrderDetails['priority'])}
        />
      </Stack>
      <TextInput
        type="datetime-local"
        label="Not before"
        description="Empty: at once."
        value={start}
        onChange={(event) => setStart(event.currentTarget.value)}
      />
      <ProblemLine error={order.error} />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={onDone}>
          Do not order
        </Button>
        <Button loading={order.isPending} onClick={() => order.mutate()}>
          Order
        </Button>
      </Group>
    </Stack>
  );
}
