import { Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { ProblemLine } from '~/common';
import { DoorFrame } from './DoorFrame';
import { PasswordForm } from './PasswordForm';
import { signInWithLink } from './requests';
import { useRestart } from './session';

interface Props {
  token: string;
  onDone: () => void;
}

/** A one-time link: it signs in once, then asks for a password, since the link will not work again. */
export function LinkPage({ token, onDone }: Props) {
  const restart = useRestart();
  const sent = useRef(false);
  const [signedIn, setSignedIn] = useState(false);
  const attempt = useMutation({
    mutationFn: () => signInWithLink(token),
    onSuccess: async () => {
      await restart();
      setSignedIn(true);
    },
  });
  useEffect(() => {
    if (sent.current) return;
    sent.current = true;
    attempt.mutate();
  }, [attempt]);
  if (signedIn) {
    return (
      <DoorFrame title="Set your password" hint="The link has been used up; the password is how you come back.">
        <PasswordForm onDone={onDone} />
      </DoorFrame>
    );
  }
  return (
    <DoorFrame title="One-time link">
      <Stack gap={8}>
        {attempt.error ? (
          <>
            <ProblemLine error={attempt.error} />
            <Text c="dimmed" fz="sm">
              A link works once and for a limited time. Ask the administrator for another, or sign in with your{' '}
              <a href="/sign-in">name and password</a>.
            </Text>
          </>
        ) : (
          <Text c="dimmed">Signing in …</Text>
        )}
      </Stack>
    </DoorFrame>
  );
}
