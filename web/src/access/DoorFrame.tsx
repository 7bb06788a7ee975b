import { Center, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Mark } from '~/common';

interface Props {
  title: string;
  hint?: ReactNode;
  children: ReactNode;
}

/** What stands before the site: one quiet panel in the middle of the page. */
export function DoorFrame({ title, hint, children }: Props) {
  useDocumentTitle(`${title} · Kahua`);
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={360} gap={16}>
        <Group gap={10} justify="center" pb={4}>
          <Mark size={28} />
          <Text fw={600} fz="xl" lts={0.2}>
            Kahua
          </Text>
        </Group>
        <Paper withBorder p={24} style={{ borderColor: 'var(--kahua-line)' }}>
          <Title order={1} mb={16}>
            {title}
          </Title>
          {children}
        </Paper>
        {hint && (
          <Text c="dimmed" fz="xs" ta="center">
            {hint}
          </Text>
        )}
      </Stack>
    </Center>
  );
}
