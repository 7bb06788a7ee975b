import { Stack, Text, Title } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

interface Props {
  icon: Icon;
  title: string;
  /** Rank of the title: 1 where nothing else names the page. */
  order?: 1 | 2;
  children?: ReactNode;
}

/** An empty page teaches: what belongs here, and the one next step. */
export function EmptyState({ icon: Sign, title, order = 2, children }: Props) {
  return (
    <Stack align="center" justify="center" gap={8} py={72} px="md" ta="center" maw={560} mx="auto">
      <Sign size={36} stroke={1.25} color="var(--kahua-quiet)" aria-hidden />
      <Title order={order}>{title}</Title>
      <Text c="dimmed" component="div">
        {children}
      </Text>
    </Stack>
  );
}
