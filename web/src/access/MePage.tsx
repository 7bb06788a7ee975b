import { Alert, Button, Divider, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Age, CommandLine, date, PageHeader, ProblemLine, ProblemView } from '~/common';
import { PasswordForm } from './PasswordForm';
import { createToken, listTokens, revokeToken } from './requests';
import { useMe } from './session';

const TOKENS = ['me', 'tokens'];

function NewToken() {
  const [name, setName] = useState('');
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: () => createToken(name),
    onSuccess: () => {
      setName('');
      return queries.invalidateQueries({ queryKey: TOKENS });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Stack gap={8}>
      <form onSubmit={submit}>
        <Group align="flex-end" gap={8}>
          <TextInput
            label="What the token is for"
            placeholder="my laptop"
            required
            withAsterisk={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={make.isPending}>
            Make a token
          </Button>
        </Group>
      </form>
      <ProblemLine error={make.error} />
      {make.data && (
        <Alert color="accent" variant="light" title="Copy the token now: it is not shown again">
          <CommandLine command={make.data.token} />
        </Alert>
      )}
    </Stack>
  );
}

function Tokens() {
  const queries = useQueryClient();
  const tokens = useQuery({ queryKey: TOKENS, queryFn: listTokens });
  const revoke = useMutation({
    mutationFn: revokeToken,
    onSuccess: () => queries.invalidateQueries({ queryKey: TOKENS }),
  });
  if (tokens.error) return <ProblemView error={tokens.error} retry={() => tokens.refetch()} />;
  if (!tokens.data?.items.length) return <Text c="dimmed">No token.</Text>;
  return (
    <Table maw={720}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Token</Table.Th>
          <Table.Th>Made</Table.Th>
          <Table.Th>Ends</Table.Th>
          <Table.Th>Last used</Table.Th>
          <Table.Th aria-label="Actions" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tokens.data.items.map((token) => (
          <Table.Tr key={token.id}>
            <Table.Td>{token.label}</Table.Td>
            <Table.Td>
              <Age moment={token.created_at} />
            </Table.Td>
            <Table.Td>{date(token.expires_at.slice(0, 10))}</Table.Td>
            <Table.Td>{token.last_used_at ? <Age moment={token.last_used_at} /> : 'never'}</Table.Td>
            <Table.Td ta="right">
              <Button size="xs" variant="default" onClick={() => revoke.mutate(token.id)}>
                Revoke
              </Button>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** The signed-in person's own password and tokens. */
export function MePage() {
  const { user } = useMe();
  return (
    <>
      <PageHeader title={user.display_name || user.name} description="Your password and your API tokens." />
      <Stack px={24} pb={48} gap={24} maw={800}>
        <Stack gap={12}>
          <Title order={2}>API tokens</Title>
          <Text c="dimmed">
            A token lets a program act as you: send it in the header{' '}
            <span className="mono">Authorization: Bearer …</span>
          </Text>
          <NewToken />
          <Tokens />
        </Stack>
        <Divider />
        <Stack gap={12} maw={360}>
          <Title order={2}>Password</Title>
          <PasswordForm
            asksCurrent={!user.must_set_password}
            onDone={() => notifications.show({ message: 'The new password is set.' })}
          />
        </Stack>
      </Stack>
    </>
  );
}
