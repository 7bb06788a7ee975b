import { Button, Menu, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { ProblemLine } from '~/common';
import { downloadAddress, MAX_NAMED, wholeDataset } from './download';
import type { SeriesWhere } from './requests';

interface Props {
  project: string;
  where: SeriesWhere;
  chosen: readonly string[];
  ids: () => Promise<string[]>;
}

/** Takes series to this computer; what tells who the patient is stays here, unless one asks for it. */
export function DownloadMenu({ project, where, chosen, ids }: Props) {
  const download = useMutation({
    mutationFn: async (how: 'deidentified' | 'stored') => {
      const dataset = wholeDataset(where, chosen);
      const address = downloadAddress(project, dataset ? { dataset } : { series: await ids() }, how);
      if (address === null)
        throw new Error(`These are more than ${MAX_NAMED.toLocaleString('en')} series: add them to a dataset first.`);
      const link = document.createElement('a');
      link.href = address;
      link.download = '';
      link.click();
    },
  });
  return (
    <>
      <Menu position="top-start" shadow="md" width={280}>
        <Menu.Target>
          <Button
            size="xs"
            variant="default"
            loading={download.isPending}
            leftSection={<IconDownload size={16} stroke={1.5} />}
          >
            Download
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => download.mutate('deidentified')}>
            De-identified
            <Text size="xs" c="dimmed">
              Pseudonyms, moved dates, known words of descriptions. Pictures that may show a name are left out.
            </Text>
          </Menu.Item>
          <Menu.Item onClick={() => download.mutate('stored')}>
            As stored
            <Text size="xs" c="dimmed">
              With everything that names the patient.
            </Text>
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ProblemLine error={download.error} />
    </>
  );
}
