import { Group, Text } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { meQuery } from '~/access';
import { asProblem } from '~/api';

/** Says that the site cannot be reached, while the page keeps what it has. */
export function OfflineBanner() {
  const network = useNetwork();
  const { error } = useQuery(meQuery);
  if (network.online && !(error && asProblem(error).isOffline)) return null;
  return (
    <Group role="status" gap={8} px={24} py={6} bg="var(--mantine-color-default)" style={{ flex: 'none' }}>
      <IconPlugConnectedX size={16} color="var(--kahua-warn)" aria-hidden />
      <Text fz="sm">The site does not answer. What you see may be old; it is tried again.</Text>
    </Group>
  );
}
