import { Button, Center } from '@mantine/core';
import { IconFolderOff, IconMapPinOff } from '@tabler/icons-react';
import { type ErrorComponentProps, Link } from '@tanstack/react-router';
import { EmptyState, ProblemView } from '~/common';

/** An address that leads nowhere, or to something that is not this person's: both look the same. */
export function NotFoundPage() {
  return (
    <EmptyState icon={IconMapPinOff} order={1} title="There is nothing at this address">
      <p>It may have been deleted, or it belongs to a project that is not yours.</p>
      <Button variant="default" renderRoot={(props) => <Link to="/" {...props} />}>
        Go to the start page
      </Button>
    </EmptyState>
  );
}

/** Somebody who is signed in and belongs to no project yet. */
export function NoProjectPage() {
  return (
    <EmptyState icon={IconFolderOff} order={1} title="You are in no project yet">
      A manager of a project, or the administrator of this site, can add you.
    </EmptyState>
  );
}

/** A page that broke: what happened, and the way on. */
export function BrokenPage({ error, reset }: ErrorComponentProps) {
  return (
    <Center py={48}>
      <ProblemView error={error} retry={reset} />
    </Center>
  );
}
