import { Button, Group, Menu, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconCheck, IconChevronDown, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { allows, useProject } from '~/access';
import { counted } from '~/common';
import { datasetsQuery, deleteDataset } from './requests';

interface Props {
  project: string;
  dataset: string;
  onDataset: (name: string) => void;
}

/** Which dataset is shown: one of the project's, or all its series. */
export function DatasetMenu({ project, dataset, onDataset }: Props) {
  const mine = useProject(project);
  const queries = useQueryClient();
  const datasets = useQuery(datasetsQuery(project));
  const current = datasets.data?.items.find(({ name }) => name === dataset);
  const [asking, asked] = useDisclosure(false);
  const remove = useMutation({
    mutationFn: () => deleteDataset(project, dataset),
    onSuccess: async () => {
      asked.close();
      await queries.invalidateQueries({ queryKey: ['project', project, 'datasets'] });
      onDataset('');
    },
  });
  return (
    <>
      <Modal opened={asking} onClose={asked.close} title={`Delete the dataset ${dataset}?`}>
        <Text>
          The list and its {counted(current?.version ?? 0, 'version')} go and cannot be brought back. Its series stay in
          the project.
        </Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={asked.close}>
            Keep it
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete the dataset
          </Button>
        </Group>
      </Modal>
      <Menu position="bottom-start" shadow="md" width={300}>
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={15} stroke={1.5} />} maw={280}>
            <span className="truncate">
              {dataset ? `${dataset}${current ? ` · version ${current.version}` : ''}` : 'All series'}
            </span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={420} style={{ overflow: 'auto' }}>
          <Menu.Item
            onClick={() => onDataset('')}
            rightSection={!dataset && <IconCheck size={15} aria-label="shown" />}
          >
            All series
          </Menu.Item>
          <Menu.Label>Datasets</Menu.Label>
          {datasets.data?.items.length === 0 && (
            <Text fz="xs" c="dimmed" px={12} pb={8}>
              None yet. Choose series and “Add to dataset”.
            </Text>
          )}
          {datasets.data?.items.map((one) => (
            <Menu.Item
              key={one.name}
              onClick={() => onDataset(one.name)}
              rightSection={one.name === dataset && <IconCheck size={15} aria-label="shown" />}
            >
              <div className="truncate">{one.name}</div>
              <Text fz="xs" c="dimmed" className="truncate">
                {counted(one.series_count, 'series', 'series')} · version {one.version}
                {one.description && ` · ${one.description}`}
              </Text>
            </Menu.Item>
          ))}
          {dataset && allows(mine, 'dataset.write') && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<IconTrash size={15} stroke={1.5} />} onClick={asked.open}>
                Delete the dataset {dataset} …
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
