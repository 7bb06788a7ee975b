import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useProject } from '~/access';
import type { RemoteStudy } from '~/api';
import { CopyText, counted, date, EmptyState, PageHeader, ProblemLine, ProblemView, personName } from '~/common';
import { Pulls } from './Pulls';
import { pullsQuery, type StudySearch, searchPeer, startPull } from './requests';
import { foundInWords, isWhole, presence } from './studies';

const EMPTY: StudySearch = { patient_id: '', patient_name: '', accession_number: '', study_date: '', modality: '' };

const FIELDS: { name: keyof StudySearch; label: string; placeholder: string; width: number }[] = [
  { name: 'patient_id', label: 'Patient ID', placeholder: '778*', width: 150 },
  { name: 'patient_name', label: 'Patient’s name', placeholder: 'Doe*', width: 170 },
  { name: 'accession_number', label: 'Accession number', placeholder: '', width: 160 },
  { name: 'study_date', label: 'Study date', placeholder: '20260101-20260131', width: 180 },
  { name: 'modality', label: 'Modality', placeholder: 'MR', width: 100 },
];

function SearchForm({ onSearch, isBusy }: { onSearch: (query: StudySearch) => void; isBusy: boolean }) {
  const [query, setQuery] = useState(EMPTY);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSearch(query);
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap={8} px={24} pb={16}>
        {FIELDS.map((field) => (
          <TextInput
            key={field.name}
            label={field.label}
            placeholder={field.placeholder}
            w={field.width}
            value={query[field.name]}
            onChange={(event) => setQuery({ ...query, [field.name]: event.currentTarget.value })}
          />
        ))}
        <Button type="submit" loading={isBusy}>
          Search
        </Button>
      </Group>
    </form>
  );
}

function BringIn({ project, peer, study }: { project: string; peer: string; study: RemoteStudy }) {
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: () => startPull(project, peer, study.study_uid),
    onSuccess: () => queries.invalidateQueries({ queryKey: pullsQuery(project).queryKey }),
  });
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={start.isSuccess || isWhole(study)}
        loading={start.isPending}
        onClick={() => start.mutate()}
        aria-label={`Bring in ${study.description || 'the study'} of ${study.patient_id || 'the patient'}`}
      >
        {start.isSuccess ? 'Asked for' : 'Bring in'}
      </Button>
      <ProblemLine error={start.error} />
    </>
  );
}

function Studies({ project, peer, studies }: { project: string; peer: string; studies: RemoteStudy[] }) {
  const mayWrite = useProject(project)?.permissions.includes('series.write');
  return (
    <Table.ScrollContainer minWidth={860} px={24} pb={48}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Patient</Table.Th>
            <Table.Th>Study</Table.Th>
            <Table.Th>Modalities</Table.Th>
            <Table.Th ta="right">There</Table.Th>
            <Table.Th>Here</Table.Th>
            {mayWrite && <Table.Th aria-label="Actions" />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {studies.map((study) => (
            <Table.Tr key={study.study_uid}>
              <Table.Td>
                {personName(study.patient_name) || 'No name'}
                <Text fz="xs" c="dimmed">
                  {study.patient_id}
                </Text>
              </Table.Td>
              <Table.Td maw={320}>
                <div className="truncate">
                  {[date(study.study_date), study.description].filter(Boolean).join(' · ') || 'No description'}
                </div>
                <CopyText text={study.study_uid} length={30} />
              </Table.Td>
              <Table.Td>{study.modalities.join(', ')}</Table.Td>
              <Table.Td ta="right">{study.instances === null ? '–' : counted(study.instances, 'instance')}</Table.Td>
              <Table.Td>{presence(study)}</Table.Td>
              {mayWrite && (
                <Table.Td ta="right">
                  <BringIn project={project} peer={peer} study={study} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** One peer: what it has, and how much of it is here. */
export function PeerPage({ project, peer }: { project: string; peer: string }) {
  const search = useMutation({ mutationFn: (query: StudySearch) => searchPeer(project, peer, query) });
  return (
    <>
      <PageHeader
        title={peer}
        description="Look for studies there. What you type goes to the peer; searches are in the audit log."
      />
      <SearchForm onSearch={search.mutate} isBusy={search.isPending} />
      <Pulls project={project} peer={peer} />
      {search.error && <ProblemView error={search.error} />}
      {search.isIdle && (
        <EmptyState icon={IconSearch} title="Nothing is asked yet">
          Fill in what you know; * and ? stand for anything. With all fields empty the newest studies are asked for.
        </EmptyState>
      )}
      {search.data?.length === 0 && (
        <EmptyState icon={IconSearch} title="The peer has no such study">
          Try fewer fields, or a wildcard: many archives match names only from their beginning.
        </EmptyState>
      )}
      {search.data && search.data.length > 0 && (
        <Stack gap={8}>
          <Text px={24} c="dimmed" role="status">
            {foundInWords(search.data.length)}
          </Text>
          <Studies project={project} peer={peer} studies={search.data} />
        </Stack>
      )}
    </>
  );
}
