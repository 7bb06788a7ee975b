import { Button, Menu, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDownload } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { ProblemLine } from '~/common';
import { confidentialityQuery, profileWords } from '~/confidentiality';
import { downloadAddress, type How, MAX_NAMED, wholeDataset } from './download';
import { OwnProfileForm } from './OwnProfileForm';
import type { SeriesWhere } from './requests';

interface Props {
  project: string;
  where: SeriesWhere;
  chosen: readonly string[];
  ids: () => Promise<string[]>;
}

/** Takes series to this computer; what tells who the patient is stays here, unless one asks for it. */
export function DownloadMenu({ project, where, chosen, ids }: Props) {
  const usual = useQuery(confidentialityQuery(project));
  const [choosing, form] = useDisclosure(false);
  const download = useMutation({
    mutationFn: async (how: How) => {
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
      <Menu position="top-start" shadow="md" width={300}>
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
          <Menu.Item onClick={() => download.mutate('project')}>
            De-identified
            <Text size="xs" c="dimmed">
              {usual.data ? profileWords(usual.data) : 'As this project does it.'}
            </Text>
          </Menu.Item>
          {usual.data && (
            <Menu.Item onClick={form.open}>
              De-identified in another way …
              <Text size="xs" c="dimmed">
                Choose for this download what stays.
              </Text>
            </Menu.Item>
          )}
          <Menu.Item onClick={() => download.mutate('stored')}>
            As stored
            <Text size="xs" c="dimmed">
              {usual.data?.on_arrival
                ? 'What came in since this project de-identifies arrivals names nobody; what was here before may.'
                : 'With everything that names the patient.'}
            </Text>
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ProblemLine error={usual.error ?? download.error} />
      <Modal opened={choosing} onClose={form.close} title="De-identify in another way">
        {usual.data && (
          <OwnProfileForm
            usual={usual.data}
            onChosen={(profile) => {
              form.close();
              download.mutate(profile);
            }}
          />
        )}
      </Modal>
    </>
  );
}
