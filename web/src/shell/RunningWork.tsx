import { Button, Menu, Text } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { runsQuery, StateMark } from '~/runs';

/** How much works in this project at the moment, and the way to it. */
export function RunningWork({ project }: { project: string }) {
  const navigate = useNavigate();
  const { data } = useQuery(runsQuery(project, { state: 'running' }));
  const running = data?.items ?? [];
  if (running.length === 0) return null;
  return (
    <Menu position="bottom-end" width={300} shadow="md">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<IconActivity size={16} stroke={1.5} />}>
          {running.length} running
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {running.map((run) => (
          <Menu.Item
            key={run.id}
            leftSection={<StateMark state={run.state} bare />}
            onClick={() => navigate({ to: '/projects/$project/runs/$run', params: { project, run: run.id } })}
          >
            {run.title}
            <Text fz="xs" c="dimmed">
              {run.created_by}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
