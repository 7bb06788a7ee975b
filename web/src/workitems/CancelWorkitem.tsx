import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { WorkitemDetail } from '~/api';
import { ProblemLine } from '~/common';
import { cancelWorkitem, workitemQuery, workitemsKey } from './requests';

/** Asks for the end of a workitem, with the reason that its performer is told. */
export function CancelWorkitem({ project, workitem }: { project: string; workitem: WorkitemDetail }) {
  const queries = useQueryClient();
  const [opened, dialog] = useDisclosure(false);
  const [reason, setReason] = useState('');
  const cancel = useMutation({
    mutationFn: () => cancelWorkitem(project, workitem.uid, reason.trim()),
    onSuccess: async (answer) => {
      dialog.close();
      await queries.invalidateQueries({ queryKey: workitemsKey(project) });
      queries.setQueryData(workitemQuery(project, workitem.uid).queryKey, answer);
    },
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open}>
        Cancel …
      </Button>
      <Modal opened={opened} onClose={dialog.close} title="Cancel this workitem?">
        <Stack gap={16}>
          <Text>
            {workitem.state === 'SCHEDULED'
              ? 'Nobody has begun it: it is canceled at once.'
              : workitem.run
                ? 'This site performs it: its run is ended within seconds.'
                : `${workitem.performer} performs it and is asked to end it; whether that happens is up to the performer.`}
          </Text>
          <Textarea
            label="Reason"
            description="Its performer and everybody who is subscribed reads it."
            maxLength={1000}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
          />
          <ProblemLine error={cancel.error} />
          <Group justify="flex-end" gap={8}>
            <Button variant="default" onClick={dialog.close}>
              Keep it
            </Button>
            <Button color="red" loading={cancel.isPending} onClick={() => cancel.mutate()}>
              Cancel it
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
