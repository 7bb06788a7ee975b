import { Button, Group, NativeSelect, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { PageHeader, ProblemLine, ProblemView } from '~/common';
import { listMembers, type Role, removeMember, setMember } from './requests';
import { useProject } from './session';

const ROLES: { value: Role; label: string }[] = [
  { value: 'viewer', label: 'Viewer: sees everything' },
  { value: 'curator', label: 'Curator: also adds data and makes datasets' },
  { value: 'scientist', label: 'Scientist: also runs workflows' },
  { value: 'manager', label: 'Manager: also deletes and manages members' },
];

function AddMember({ project, onAdded }: { project: string; onAdded: () => unknown }) {
  const [user, setUser] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const add = useMutation({
    mutationFn: () => setMember(project, user.trim(), role),
    onSuccess: () => {
      setUser('');
      return onAdded();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap={8}>
        <TextInput
          label="Name of the person"
          required
          withAsterisk={false}
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <NativeSelect
          label="Role"
          data={ROLES}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </Group>
      <ProblemLine error={add.error} />
    </form>
  );
}

/** Who may do what in a project. */
export function MembersPage({ project }: { project: string }) {
  const queries = useQueryClient();
  const key = ['project', project, 'members'];
  const members = useQuery({ queryKey: key, queryFn: () => listMembers(project) });
  const refresh = () => queries.invalidateQueries({ queryKey: key });
  const change = useMutation({
    mutationFn: ({ name, role }: { name: string; role: Role }) => setMember(project, name, role),
    onSuccess: refresh,
  });
  const remove = useMutation({ mutationFn: (name: string) => removeMember(project, name), onSuccess: refresh });
  const title = useProject(project)?.title ?? project;
  if (members.error) return <ProblemView error={members.error} retry={() => members.refetch()} />;
  return (
    <>
      <PageHeader title="Members" description={`Who may do what in ${title}.`} />
      <Stack px={24} pb={48} gap={24} maw={880}>
        <AddMember project={project} onAdded={refresh} />
        <ProblemLine error={change.error ?? remove.error} />
        {members.data?.items.length === 0 && (
          <Text c="dimmed">Nobody yet. Administrators of the site can do everything here without being members.</Text>
        )}
        <Table>
          <Table.Tbody>
            {members.data?.items.map((member) => (
              <Table.Tr key={member.name}>
                <Table.Td>
                  {member.display_name || member.name}
                  <Text fz="xs" c="dimmed">
                    {member.name}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <NativeSelect
                    aria-label={`Role of ${member.name}`}
                    data={ROLES}
                    value={member.role}
                    onChange={(event) => change.mutate({ name: member.name, role: event.currentTarget.value as Role })}
                  />
                </Table.Td>
                <Table.Td ta="right">
                  <Button size="xs" variant="default" onClick={() => remove.mutate(member.name)}>
                    Remove
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </>
  );
}
