import { Checkbox, Stack } from '@mantine/core';
import type { Confidentiality } from '~/api';
import { KEPT } from './options';

type Kept = Confidentiality['keep'];

/** What may stay of what the basic profile takes away. */
export function KeptChoice({ value, onChange }: { value: Kept; onChange: (value: Kept) => void }) {
  return (
    <Checkbox.Group label="What may stay" value={value} onChange={(kept) => onChange(kept as Kept)}>
      <Stack gap={8} mt={8}>
        {KEPT.map((choice) => (
          <Checkbox key={choice.value} {...choice} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
