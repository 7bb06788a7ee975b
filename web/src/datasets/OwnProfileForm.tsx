import { Button, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Confidentiality } from '~/api';
import { Choice, DATES, KeptChoice, PIXELS } from '~/confidentiality';
import type { OwnProfile } from './download';

interface Props {
  usual: Confidentiality;
  onChosen: (profile: OwnProfile) => unknown;
}

/** Another way to de-identify this one download, beginning with the project's own. */
export function OwnProfileForm({ usual, onChosen }: Props) {
  const { dates, keep, suspicious_pixels } = usual;
  const [wanted, setWanted] = useState<OwnProfile>({ dates, keep, suspicious_pixels });
  const change = (part: Partial<OwnProfile>) => setWanted({ ...wanted, ...part });
  return (
    <Stack gap={20}>
      <Text c="dimmed">It begins with what this project usually does. What you choose is in the audit log.</Text>
      <Choice label="Dates" choices={DATES} value={wanted.dates} onChange={(value) => change({ dates: value })} />
      <KeptChoice value={wanted.keep} onChange={(value) => change({ keep: value })} />
      <Choice
        label="Pictures that may show a name in their pixels"
        choices={PIXELS.map((choice) =>
          choice.value === 'hold'
            ? { ...choice, label: 'Leave them out', description: 'The manifest says which.' }
            : choice,
        )}
        value={wanted.suspicious_pixels}
        onChange={(value) => change({ suspicious_pixels: value })}
      />
      <Button onClick={() => onChosen(wanted)}>Download</Button>
    </Stack>
  );
}
