import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ProblemLine } from '~/common';
import { deleteSeries } from './requests';

interface Props {
  project: string;
  series: readonly string[];
  onDone: () => void;
}

/** The last question before series leave the project for good. */
export function DeleteSeries({ project, series, onDone }: Props) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: async () => {
      for (const id of series) await deleteSeries(project, id);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['project', project] }),
    onSuccess: onDone,
  });
  return (
    <Stack gap={16}>
      <Text>
        They leave every dataset and go into the project’s trash, from which a manager can bring them back for a while.
        To take series only out of a dataset, use “Remove from dataset”.
      </Text>
      <ProblemLine error={remove.error} />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={onDone} data-autofocus>
          Keep them
        </Button>
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
          Delete
        </Button>
      </Group>
    </Stack>
  );
}
