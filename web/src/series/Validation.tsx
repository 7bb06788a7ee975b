import { Box, Button, Group, Skeleton, Stack, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight, IconCircleCheck, IconCircleDashed } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Finding, SeriesItem } from '~/api';
import { Age, badgeStyle, counted, EmptyState, ProblemView, ValidationMark } from '~/common';
import { validationQuery } from './requests';
import classes from './series.module.css';

const BADGES: Record<Finding['severity'], SeriesItem['validation']> = {
  error: 'errors',
  warning: 'warnings',
  note: 'notes',
};

/** What is odd or wrong about a series: the gravest first, each with what can be done. */
export function Validation({ project, series }: { project: string; series: string }) {
  const { data, error, refetch } = useQuery(validationQuery(project, series));
  if (error && !data) return <ProblemView error={error} retry={() => refetch()} />;
  if (!data) return <Skeleton h={160} />;
  if (data.state === 'pending' && !data.validated_at)
    return (
      <EmptyState icon={IconCircleDashed} title="Not validated yet">
        The worker looks at a series soon after its last image has come. This page will show what it finds.
      </EmptyState>
    );
  if (data.findings.length === 0)
    return (
      <EmptyState icon={IconCircleCheck} title="Nothing is wrong">
        Its images are complete, lie where they should, and keep to the standard.
      </EmptyState>
    );
  return (
    <Stack gap={0}>
      <Group gap={6} mb={4} wrap="nowrap">
        <ValidationMark state={data.state} isLabelled />
        <Text fw={600}>{badgeStyle(data.state).word}</Text>
        {data.validated_at && (
          <Text c="dimmed" fz="xs" ml="auto">
            looked at <Age moment={data.validated_at} />
          </Text>
        )}
      </Group>
      {data.findings.map((finding) => (
        <FindingView key={`${finding.code} ${finding.sentence}`} project={project} finding={finding} />
      ))}
    </Stack>
  );
}

function FindingView({ project, finding }: { project: string; finding: Finding }) {
  const [open, { toggle }] = useDisclosure(false);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <article className={classes.finding} data-severity={finding.severity}>
      <ValidationMark state={BADGES[finding.severity]} />
      <div style={{ minWidth: 0 }}>
        <Text>
          {finding.sentence}
          {finding.instances > 0 && (
            <Text span c="dimmed" fz="xs">
              {' '}
              · {counted(finding.instances, 'instance')}
            </Text>
          )}
        </Text>
        {finding.remedy && (
          <Text c="dimmed" mt={2}>
            {finding.remedy}
          </Text>
        )}
        <Group gap={12} mt={4}>
          {finding.details.length > 0 && (
            <UnstyledButton onClick={toggle} aria-expanded={open} fz="xs" c="dimmed">
              <Group gap={2}>
                <Chevron size={14} stroke={1.5} aria-hidden />
                {counted(finding.details.length, 'detail')}
              </Group>
            </UnstyledButton>
          )}
          <Button
            size="compact-xs"
            variant="transparent"
            color="gray"
            fw={400}
            px={0}
            renderRoot={(props) => (
              <Link
                to="/projects/$project/datasets"
                params={{ project }}
                search={{ q: `Validation:${finding.code}` }}
                {...props}
              />
            )}
          >
            Others with this
          </Button>
        </Group>
        {open && (
          <Box component="ul" className={`${classes.details} mono patient`}>
            {finding.details.map((detail) => (
              <li key={detail} dir="auto">
                {detail}
              </li>
            ))}
          </Box>
        )}
      </div>
    </article>
  );
}
