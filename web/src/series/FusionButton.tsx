import { Button, Menu } from '@mantine/core';
import { IconStack2 } from '@tabler/icons-react';
import type { SeriesDetail } from '~/api';
import { fusionOf, fusionTitle } from './viewer';

interface Props {
  series: SeriesDetail;
  /** Id of the series that is seen together with this one, if any. */
  fusion: string | undefined;
  onFusion: (fusion: string | undefined) => void;
}

/** Shows a series together with another of the same frame of reference: PET over CT. */
export function FusionButton({ series, fusion, onFusion }: Props) {
  const [only, ...others] = series.fusions;
  if (!only) return null;
  const shown = fusionOf(series, fusion);
  const button = (title: string, onClick?: () => void) => (
    <Button
      size="xs"
      variant={shown ? 'light' : 'default'}
      aria-pressed={onClick && Boolean(shown)}
      onClick={onClick}
      leftSection={<IconStack2 size={16} stroke={1.5} />}
    >
      {title}
    </Button>
  );
  if (others.length === 0) return button(fusionTitle(series, only), () => onFusion(shown ? undefined : only.series.id));
  return (
    <Menu position="bottom-start">
      <Menu.Target>{button(shown ? fusionTitle(series, shown) : 'Fusion')}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>In one view, one over the other</Menu.Label>
        {series.fusions.map((one) => (
          <Menu.Item key={one.series.id} onClick={() => onFusion(one.series.id)}>
            {fusionTitle(series, one)}: {one.series.description || 'without description'}
          </Menu.Item>
        ))}
        {shown && <Menu.Item onClick={() => onFusion(undefined)}>{series.modality} alone</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}
