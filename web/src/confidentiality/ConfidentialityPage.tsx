import { Button, Group, Stack, Switch, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Confidentiality, ConfidentialityRequest } from '~/api';
import { PageHeader, ProblemLine, ProblemView } from '~/common';
import { Choice } from './Choice';
import { KeptChoice } from './KeptChoice';
import { DATES, FACES, PIXELS } from './options';
import { confidentialityQuery, requestOf, sealWords, setConfidentiality } from './requests';

/** The codes that will stand in every object, so that a recipient can tell what was done to it. */
function Codes({ codes }: Pick<Confidentiality, 'codes'>) {
  return (
    <Stack gap={4}>
      <Text fw={500}>Written into every object</Text>
      {codes.map((code) => (
        <Group key={code.value} gap={8} wrap="nowrap">
          <Text span className="mono" c="dimmed">
            {code.value}
          </Text>
          <Text span>{code.meaning}</Text>
        </Group>
      ))}
    </Stack>
  );
}

function Form({ project, stored }: { project: string; stored: Confidentiality }) {
  const queries = useQueryClient();
  const [wanted, setWanted] = useState<ConfidentialityRequest>(requestOf(stored));
  const save = useMutation({
    mutationFn: () => setConfidentiality(project, wanted),
    onSuccess: (saved) => {
      setWanted(requestOf(saved));
      queries.setQueryData(confidentialityQuery(project).queryKey, saved);
    },
  });
  const change = (part: Partial<ConfidentialityRequest>) => {
    save.reset();
    setWanted({ ...wanted, ...part });
  };
  const isChanged = JSON.stringify(wanted) !== JSON.stringify(requestOf(stored));
  return (
    <Stack px={24} pb={48} gap={28} maw={720}>
      <Switch
        label="De-identify everything that comes in"
        description="By whatever door. The originals are not kept; what is stored already stays as it is."
        checked={wanted.on_arrival}
        onChange={(event) => change({ on_arrival: event.currentTarget.checked })}
      />
      {sealWords(stored) && <Text c="dimmed">{sealWords(stored)}</Text>}
      <Choice label="Dates" choices={DATES} value={wanted.dates} onChange={(dates) => change({ dates })} />
      <KeptChoice value={wanted.keep ?? []} onChange={(keep) => change({ keep })} />
      <Choice
        label="Pictures that may show a name in their pixels"
        choices={PIXELS}
        value={wanted.suspicious_pixels}
        onChange={(suspicious_pixels) => change({ suspicious_pixels })}
      />
      <Choice
        label="Pictures that may show a face"
        choices={FACES}
        value={wanted.faces}
        onChange={(faces) => change({ faces })}
      />
      <Codes codes={stored.codes} />
      <Stack gap={8} align="flex-start">
        <ProblemLine error={save.error} />
        <Group gap={12}>
          <Button disabled={!isChanged} loading={save.isPending} onClick={() => save.mutate()}>
            Save
          </Button>
          <Text c="dimmed" role="status">
            {save.isSuccess && !isChanged ? 'Saved; it holds from now on.' : !isChanged && 'Nothing has changed.'}
          </Text>
        </Group>
      </Stack>
    </Stack>
  );
}

/** What a project decides about the identity of its patients. */
export function ConfidentialityPage({ project }: { project: string }) {
  const stored = useQuery(confidentialityQuery(project));
  if (stored.error) return <ProblemView error={stored.error} retry={() => stored.refetch()} />;
  return (
    <>
      <PageHeader
        title="Confidentiality"
        description="How images are de-identified when they leave this project, and if you wish when they come in."
      />
      {stored.data && <Form project={project} stored={stored.data} />}
    </>
  );
}
