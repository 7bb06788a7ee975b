import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ProblemLine } from '~/common';
import { DoorFrame } from './DoorFrame';
import { signIn } from './requests';
import { useRestart } from './session';

interface Props {
  onDone: () => void;
}

/** Name and password. */
export function SignInPage({ onDone }: Props) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const restart = useRestart();
  const attempt = useMutation({
    mutationFn: () => signIn(name.trim(), password),
    onSuccess: async () => {
      await restart();
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    attempt.mutate();
  };
  return (
    <DoorFrame title="Sign in" hint="No account yet? The administrator of this site can make one and send you a link.">
      <form onSubmit={submit}>
        <Stack gap={16}>
          <TextInput
            label="Name"
            autoComplete="username"
            autoFocus
            required
            withAsterisk={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <ProblemLine error={attempt.error} />
          <Button type="submit" loading={attempt.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
