import { Button, Checkbox, Group, Radio, Stack, Switch, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Confidentiality, ConfidentialityRequest } from '~/api';
import { PageHeader, ProblemLine, ProblemView } from '~/common';
import { DATES, FACES, KEPT, PIXELS } from './options';
import { getConfidentiality, requestOf, sealWords, setConfidentiality } from './requests';

interface ChoiceProps<Value extends string> {
  label: string;
  choices: { value: Value; label: string; description: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

function Choice<Value extends string>({ label, choices, value, onChange }: ChoiceProps<Value>) {
  return (
    <Radio.Group label={label} value={value} onChange={(chosen) => onChange(chosen as Value)}>
      <Stack gap={8} mt={8}>
        {choices.map((choice) => (
          <Radio key={choice.value} {...choice} />
        ))}
      </Stack>
    </Radio.Group>
  );
}

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
      queries.setQueryData(keyOf(project), saved);
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
      <Checkbox.Group
        label="What may stay"
        value={wanted.keep}
        onChange={(keep) => change({ keep: keep as ConfidentialityRequest['keep'] })}
      >
        <Stack gap={8} mt={8}>
          {KEPT.map((choice) => (
            <Checkbox key={choice.value} {...choice} />
          ))}
        </Stack>
      </Checkbox.Group>
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

const keyOf = (project: string) => ['project', project, 'confidentiality'];

/** What a project decides about the identity of its patients. */
export function ConfidentialityPage({ project }: { project: string }) {
  const stored = useQuery({ queryKey: keyOf(project), queryFn: () => getConfidentiality(project) });
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
