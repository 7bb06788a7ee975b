import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Pull } from '~/api';
import { Age, ProblemLine } from '~/common';
import { progressWords } from './pulls';
import { cancelPull, pullsQuery } from './requests';

/** Pulls that are shown: the newest. */
const SHOWN = 5;

function Line({ project, pull }: { project: string; pull: Pull }) {
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelPull(project, pull.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: pullsQuery(project).queryKey }),
  });
  return (
    <>
      <Group gap={12}>
        <Link to="/projects/$project/transfers/$kind/$transfer" params={{ project, kind: 'pulls', transfer: pull.id }}>
          <Text role="status">{progressWords(pull)}</Text>
        </Link>
        <Text c="dimmed" fz="xs">
          by {pull.created_by}, <Age moment={pull.created_at} />
        </Text>
        {pull.state === 'active' && (
          <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        )}
      </Group>
      <ProblemLine error={cancel.error} />
    </>
  );
}

/** What is being brought in from a peer, or was lately; it goes on when the page is closed. */
export function Pulls({ project, peer }: { project: string; peer: string }) {
  const pulls = useQuery(pullsQuery(project));
  const mine = pulls.data?.items.filter((pull) => pull.peer === peer).slice(0, SHOWN) ?? [];
  if (mine.length === 0) return <ProblemLine error={pulls.error} />;
  return (
    <Stack gap={8} px={24} pb={24}>
      <Title order={2}>Lately brought in</Title>
      {mine.map((pull) => (
        <Line key={pull.id} project={project} pull={pull} />
      ))}
    </Stack>
  );
}
