import { Skeleton, Stack } from '@mantine/core';

/** A page about one thing, before it is there: its head, its summary, its content. */
export function PageSkeleton() {
  return (
    <Stack p={24}>
      <Skeleton h={32} w={320} />
      <Skeleton h={80} />
      <Skeleton h={240} />
    </Stack>
  );
}
