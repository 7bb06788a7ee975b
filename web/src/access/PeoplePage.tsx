import { Badge, Button, Checkbox, Divider, Group, Modal, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { SignInLink, User } from '~/api';
import { Age, CommandLine, PageHeader, ProblemLine, ProblemView } from '~/common';
import { changeUser, createLink, createProject, createUser, listUsers } from './requests';
import { useMe, useRestart } from './session';

const USERS = ['users'];

function NewPerson({ onMade }: { onMade: (user: User) => unknown }) {
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [administrator, setAdministrator] = useState(false);
  const make = useMutation({
    mutationFn: () => createUser(name.trim(), displayName.trim(), administrator),
    onSuccess: onMade,
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
          description="Small letters and digits; used to sign in."
          data-autofocus
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label="Full name"
          value={displayName}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
        />
        <Checkbox
          label="Administrator of the site"
          checked={administrator}
          onChange={(event) => setAdministrator(event.currentTarget.checked)}
        />
        <ProblemLine error={make.error} />
        <Button type="submit" loading={make.isPending}>
          Add and make a sign-in link
        </Button>
      </Stack>
    </form>
  );
}

function NewProject({ onMade }: { onMade: () => unknown }) {
  const [name, setName] = useState('');
  const [title, setTitle] = useState('');
  const make = useMutation({ mutationFn: () => createProject(name.trim(), title.trim(), ''), onSuccess: onMade });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={16}>
        <TextInput
          label="Name"
          description="Short: up to 13 small letters, digits and hyphens. Scanners send to the AE title kp-NAME."
          data-autofocus
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput label="Title" value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
        <ProblemLine error={make.error} />
        <Button type="submit" loading={make.isPending}>
          Add the project
        </Button>
      </Stack>
    </form>
  );
}

function Projects() {
  const { projects } = useMe();
  return (
    <Table>
      <Table.Tbody>
        {projects.map((project) => (
          <Table.Tr key={project.name}>
            <Table.Td>
              <Link to="/projects/$project" params={{ project: project.name }}>
                {project.title}
              </Link>
            </Table.Td>
            <Table.Td className="mono">{project.name}</Table.Td>
            <Table.Td ta="right">
              <Button
                size="xs"
                variant="default"
                renderRoot={(props) => (
                  <Link to="/projects/$project/members" params={{ project: project.name }} {...props} />
                )}
              >
                Members
              </Button>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function People({ users, onLink, onChange }: PeopleProps) {
  const me = useMe();
  return (
    <Table>
      <Table.Tbody>
        {users.map((user) => (
          <Table.Tr key={user.id} opacity={user.is_active ? 1 : 0.6}>
            <Table.Td>
              {user.display_name || user.name}
              <Text fz="xs" c="dimmed">
                {user.name}
              </Text>
            </Table.Td>
            <Table.Td>
              {user.is_administrator && <Badge variant="default">Administrator</Badge>}
              {!user.is_active && <Badge variant="default">Locked out</Badge>}
            </Table.Td>
            <Table.Td c="dimmed">
              {user.last_sign_in_at ? <Age moment={user.last_sign_in_at} /> : 'never signed in'}
            </Table.Td>
            <Table.Td>
              <Group gap={8} justify="flex-end" wrap="nowrap">
                <Button size="xs" variant="default" onClick={() => onLink(user)}>
                  Sign-in link
                </Button>
                {user.name !== me.user.name && (
                  <Button size="xs" variant="default" onClick={() => onChange(user)}>
                    {user.is_active ? 'Lock out' : 'Let in'}
                  </Button>
                )}
              </Group>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface PeopleProps {
  users: User[];
  onLink: (user: User) => void;
  onChange: (user: User) => void;
}

function LinkToHand({ person, link }: { person: string; link: SignInLink }) {
  return (
    <Stack gap={12}>
      <Text>
        Hand this link to {person}. It works once, within {link.hours} hours, and asks for a new password.
      </Text>
      <CommandLine command={link.url} />
    </Stack>
  );
}

/** All projects and everybody who may sign in; for administrators. */
export function PeoplePage() {
  const queries = useQueryClient();
  const restart = useRestart();
  const users = useQuery({ queryKey: USERS, queryFn: listUsers });
  const refresh = () => queries.invalidateQueries({ queryKey: USERS });
  const link = useMutation({ mutationFn: (user: User) => createLink(user.name) });
  const change = useMutation({
    mutationFn: (user: User) => changeUser(user.name, { is_active: !user.is_active }),
    onSuccess: refresh,
  });
  const [adding, person] = useDisclosure(false);
  const [founding, project] = useDisclosure(false);
  if (users.error) return <ProblemView error={users.error} retry={() => users.refetch()} />;
  return (
    <>
      <PageHeader title="Projects and people" description="A project owns its images, datasets and runs." />
      <Stack px={24} pb={48} gap={24} maw={880}>
        <Group justify="space-between">
          <Title order={2}>Projects</Title>
          <Button variant="default" onClick={project.open}>
            Add a project
          </Button>
        </Group>
        <Projects />
        <Divider />
        <Group justify="space-between">
          <Title order={2}>People</Title>
          <Button variant="default" onClick={person.open}>
            Add a person
          </Button>
        </Group>
        <ProblemLine error={link.error ?? change.error} />
        <People users={users.data?.items ?? []} onLink={link.mutate} onChange={change.mutate} />
      </Stack>
      <Modal opened={adding} onClose={person.close} title="Add a person">
        <NewPerson
          onMade={async (user) => {
            person.close();
            await refresh();
            link.mutate(user);
          }}
        />
      </Modal>
      <Modal opened={founding} onClose={project.close} title="Add a project">
        <NewProject
          onMade={async () => {
            project.close();
            await restart();
          }}
        />
      </Modal>
      <Modal opened={link.isSuccess} onClose={link.reset} title="One-time sign-in link">
        {link.data && link.variables && (
          <LinkToHand person={link.variables.display_name || link.variables.name} link={link.data} />
        )}
      </Modal>
    </>
  );
}
