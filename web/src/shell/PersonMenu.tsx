import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core';
import { IconEyeOff, IconKey, IconLogout } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { signOut, useMe } from '~/access';
import { usePrivacy } from './privacy';

const initials = (name: string): string => {
  const words = name.split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => word?.[0] ?? '')
    .join('')
    .toUpperCase();
};

/** The signed-in person: tokens, privacy screen, sign out. */
export function PersonMenu() {
  const { user, version } = useMe();
  const navigate = useNavigate();
  const privacy = usePrivacy();
  const leave = useMutation({ mutationFn: signOut, onSettled: () => window.location.assign('/sign-in') });
  const name = user.display_name || user.name;
  return (
    <Menu position="bottom-end" width={240} shadow="md">
      <Menu.Target>
        <UnstyledButton aria-label={`${initials(name)}: account of ${name}`} ml={4}>
          <Avatar size={30} radius="xl" color="gray" variant="default">
            {initials(name)}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}
          <Text fz="xs" c="dimmed">
            {user.is_administrator ? 'Administrator' : user.name}
          </Text>
        </Menu.Label>
        <Menu.Item leftSection={<IconKey size={16} stroke={1.5} />} onClick={() => navigate({ to: '/me' })}>
          Password and tokens
        </Menu.Item>
        <Menu.Item
          leftSection={<IconEyeOff size={16} stroke={1.5} />}
          rightSection={
            <Text span fz="xs" c="dimmed">
              Shift P
            </Text>
          }
          onClick={privacy.toggle}
        >
          {privacy.on ? 'Show patient names' : 'Hide patient names'}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} stroke={1.5} />} onClick={() => leave.mutate()}>
          Sign out
        </Menu.Item>
        <Menu.Label>Kahua {version}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}
