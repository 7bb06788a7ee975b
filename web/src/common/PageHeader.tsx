import { Group, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
}

/** The head of a page: its name, one line about it, and its actions at the right. */
export function PageHeader({ title, description, actions }: Props) {
  useDocumentTitle(`${title} · Kahua`);
  return (
    <Group justify="space-between" align="flex-start" wrap="nowrap" px={24} pt={20} pb={12} gap={16}>
      <Stack gap={2} miw={0}>
        <Title order={1} className="truncate">
          {title}
        </Title>
        {description && (
          <Text c="dimmed" component="div">
            {description}
          </Text>
        )}
      </Stack>
      {actions && (
        <Group gap={8} wrap="nowrap">
          {actions}
        </Group>
      )}
    </Group>
  );
}
