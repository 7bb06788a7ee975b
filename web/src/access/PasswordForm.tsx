import { Button, PasswordInput, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ProblemLine } from '~/common';
import { complaintAbout } from './passwords';
import { setPassword } from './requests';
import { meQuery } from './session';

interface Props {
  onDone: () => void;
  /** Whether the password until now is asked for: not after a one-time link. */
  asksCurrent?: boolean;
}

/** Choose a new password, twice. */
export function PasswordForm({ onDone, asksCurrent = false }: Props) {
  const [current, setCurrent] = useState('');
  const [password, setNew] = useState('');
  const [again, setAgain] = useState('');
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const complaint = complaintAbout(password, again);
  const attempt = useMutation({
    mutationFn: () => setPassword(password, asksCurrent ? current : undefined),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: meQuery.queryKey });
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!complaint) attempt.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={16}>
        {asksCurrent && (
          <PasswordInput
            label="Password until now"
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
        )}
        <PasswordInput
          label="New password"
          description="At least 12 characters; a sentence is easy to remember."
          autoComplete="new-password"
          value={password}
          error={tried && complaint?.field === 'password' && complaint.text}
          onChange={(event) => setNew(event.currentTarget.value)}
        />
        <PasswordInput
          label="The same again"
          autoComplete="new-password"
          value={again}
          error={tried && complaint?.field === 'again' && complaint.text}
          onChange={(event) => setAgain(event.currentTarget.value)}
        />
        <ProblemLine error={attempt.error} />
        <Button type="submit" loading={attempt.isPending}>
          Set password
        </Button>
      </Stack>
    </form>
  );
}
