import { Button, Group } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { allows, useProject } from '~/access';
import { ProblemLine } from '~/common';
import { cancelTransfer, type Kind, type Order, retryTransfer, transfersKey } from './requests';
import { canRetry } from './words';

interface Props {
  project: string;
  kind: Kind;
  order: Order;
}

/** What can be done with an order; nothing, for those who may not order such things. */
export function Actions({ project, kind, order }: Props) {
  const queries = useQueryClient();
  const mine = useProject(project);
  const refresh = () => queries.invalidateQueries({ queryKey: transfersKey(project, kind) });
  const cancel = useMutation({ mutationFn: () => cancelTransfer(project, kind, order.id), onSuccess: refresh });
  const retry = useMutation({ mutationFn: () => retryTransfer(project, kind, order.id), onSuccess: refresh });
  if (!allows(mine, kind === 'pulls' ? 'series.write' : 'series.export')) return null;
  return (
    <>
      <Group gap={8} justify="flex-end">
        {canRetry(order) && (
          <Button size="xs" variant="default" loading={retry.isPending} onClick={() => retry.mutate()}>
            Try again now
          </Button>
        )}
        {order.state === 'active' && (
          <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        )}
      </Group>
      <ProblemLine error={cancel.error ?? retry.error} />
    </>
  );
}
