import { Button, Menu, Text } from '@mantine/core';
import { IconCheck, IconChevronDown } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useMe } from '~/access';

/** Which project the pages are about, and the way to another. */
export function ProjectSwitcher({ project }: { project: string | null }) {
  const me = useMe();
  const navigate = useNavigate();
  const current = me.projects.find((item) => item.name === project);
  if (me.projects.length === 0) return <Text c="dimmed">No project</Text>;
  return (
    <Menu position="bottom-start" width={260} shadow="md">
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          px={8}
          rightSection={<IconChevronDown size={15} stroke={1.5} />}
          style={{ minWidth: 0 }}
        >
          <span className="truncate">{current?.title ?? 'Choose a project'}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Projects</Menu.Label>
        {me.projects.map((item) => (
          <Menu.Item
            key={item.name}
            rightSection={item.name === project && <IconCheck size={15} aria-label="current" />}
            onClick={() => navigate({ to: '/projects/$project', params: { project: item.name } })}
          >
            <div className="truncate">{item.title}</div>
            <Text fz="xs" c="dimmed">
              {item.role}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
