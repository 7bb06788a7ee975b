import { Skeleton, Table, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ProblemView } from '~/common';
import { attributesQuery } from './requests';
import { matching } from './tags';

/** The attributes of a series as a table to search. */
export function Tags({ project, series }: { project: string; series: string }) {
  const attributes = useQuery(attributesQuery(project, series));
  const [word, setWord] = useState('');
  if (attributes.error) return <ProblemView error={attributes.error} retry={() => attributes.refetch()} />;
  if (!attributes.data) return <Skeleton h={240} />;
  const shown = matching(attributes.data, word);
  return (
    <>
      <TextInput
        size="xs"
        mb={8}
        aria-label="Search the tags"
        placeholder="Name, number or value"
        leftSection={<IconSearch size={14} />}
        value={word}
        onChange={(event) => setWord(event.currentTarget.value)}
      />
      <Table fz="xs" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Tag</Table.Th>
            <Table.Th>Attribute</Table.Th>
            <Table.Th>Value</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shown.map((one) => (
            <Table.Tr key={one.tag}>
              <Table.Td className="mono" style={{ whiteSpace: 'nowrap', verticalAlign: 'top' }}>
                {one.tag}
              </Table.Td>
              <Table.Td style={{ verticalAlign: 'top' }}>
                {one.name || one.keyword || 'private'}{' '}
                <Text span c="dimmed" fz="inherit">
                  {one.vr}
                </Text>
              </Table.Td>
              <Table.Td
                dir="auto"
                style={{ overflowWrap: 'anywhere' }}
                className={one.tag.startsWith('(0010') ? 'patient' : undefined}
              >
                {one.value}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {shown.length === 0 && <Text c="dimmed">No tag has “{word}” in it.</Text>}
    </>
  );
}
