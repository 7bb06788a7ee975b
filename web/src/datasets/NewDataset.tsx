import { Button, Stack, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ProblemLine } from '~/common';
import { createDataset } from './requests';

interface Props {
  project: string;
  /** Ids of the series that it begins with. */
  series: () => Promise<string[]>;
  onMade: (name: string) => void;
}

/** Name a dataset and make it. */
export function NewDataset({ project, series, onMade }: Props) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: async () => createDataset(project, name.trim(), description.trim(), await series()),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['project', project] });
      onMade(name.trim());
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={16}>
        <TextInput
          label="Name"
          data-autofocus
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          description="What belongs in it, and what it is for."
          autosize
          minRows={2}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <ProblemLine error={make.error} />
        <Button type="submit" loading={make.isPending}>
          Make the dataset
        </Button>
      </Stack>
    </form>
  );
}
