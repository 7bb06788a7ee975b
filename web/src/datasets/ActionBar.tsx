import { Button, Menu, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconBinaryTree2, IconFolderMinus, IconFolderPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { allows, useProject } from '~/access';
import { counted, ProblemLine } from '~/common';
import { SendMenu } from '~/transfers';
import { keepChoice } from './choice';
import { DeleteSeries } from './DeleteSeries';
import { DownloadMenu } from './DownloadMenu';
import { wholeDataset } from './download';
import classes from './gallery.module.css';
import { NewDataset } from './NewDataset';
import { allIds, changeDataset, datasetsQuery, type SeriesWhere } from './requests';

interface Props {
  project: string;
  where: SeriesWhere;
  chosen: readonly string[];
  /** Number of all series found: without a selection the actions are for them. */
  found: number;
  onClear: () => void;
}

/** What can be done with the chosen series or, without a choice, with all that were found. */
export function ActionBar({ project, where, chosen, found, onClear }: Props) {
  const mine = useProject(project);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const datasets = useQuery(datasetsQuery(project));
  const [naming, dialog] = useDisclosure(false);
  const [deleting, deletion] = useDisclosure(false);
  const ids = async () => (chosen.length ? [...chosen] : await allIds(project, where));
  const number = chosen.length || found;
  const what = async () => {
    const dataset = wholeDataset(where, chosen);
    return dataset ? { dataset } : { series: await ids() };
  };
  const change = useMutation({
    mutationFn: async ({ dataset, as }: { dataset: string; as: 'add' | 'remove' }) =>
      changeDataset(project, dataset, { [as]: await ids() }),
    onSuccess: async (dataset) => {
      notifications.show({
        message: `${dataset.name} is now version ${dataset.version}: ${counted(dataset.series_count, 'series', 'series')}.`,
      });
      await queries.invalidateQueries({ queryKey: ['project', project] });
    },
  });
  const run = useMutation({
    mutationFn: async () => keepChoice(await ids()),
    onSuccess: (choice) => navigate({ to: '/projects/$project/workflows', params: { project }, search: choice }),
  });
  if (number === 0) return null;
  return (
    <section className={classes.actions} aria-label="Actions">
      <Text role="status" fw={600} mr={8}>
        {chosen.length ? `${chosen.length.toLocaleString('en')} selected` : `All ${found.toLocaleString('en')} found`}
      </Text>
      {allows(mine, 'run.start') && (
        <Button
          size="xs"
          leftSection={<IconBinaryTree2 size={16} stroke={1.5} />}
          loading={run.isPending}
          onClick={() => run.mutate()}
        >
          Run workflow
        </Button>
      )}
      {allows(mine, 'dataset.write') && (
        <Menu position="top-start" shadow="md" width={240}>
          <Menu.Target>
            <Button size="xs" variant="default" leftSection={<IconFolderPlus size={16} stroke={1.5} />}>
              Add to dataset
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah={320} style={{ overflow: 'auto' }}>
            <Menu.Item onClick={dialog.open}>New dataset …</Menu.Item>
            {datasets.data?.items.length ? <Menu.Divider /> : null}
            {datasets.data?.items.map(({ name }) => (
              <Menu.Item key={name} onClick={() => change.mutate({ dataset: name, as: 'add' })}>
                {name}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {allows(mine, 'dataset.write') && where.dataset && (
        <Button
          size="xs"
          variant="default"
          leftSection={<IconFolderMinus size={16} stroke={1.5} />}
          onClick={() => change.mutate({ dataset: where.dataset, as: 'remove' })}
        >
          Remove from {where.dataset}
        </Button>
      )}
      {allows(mine, 'series.export') && <DownloadMenu project={project} where={where} chosen={chosen} ids={ids} />}
      {allows(mine, 'series.export') && <SendMenu project={project} number={number} what={what} />}
      {allows(mine, 'series.delete') && chosen.length > 0 && (
        <Button size="xs" variant="default" leftSection={<IconTrash size={16} stroke={1.5} />} onClick={deletion.open}>
          Delete …
        </Button>
      )}
      <ProblemLine error={change.error ?? run.error} />
      {chosen.length > 0 && (
        <Button size="xs" variant="subtle" color="gray" ml="auto" onClick={onClear}>
          Clear (Esc)
        </Button>
      )}
      <Modal opened={naming} onClose={dialog.close} title={`New dataset of ${counted(number, 'series', 'series')}`}>
        <NewDataset project={project} series={ids} onMade={dialog.close} />
      </Modal>
      <Modal opened={deleting} onClose={deletion.close} title={`Delete ${counted(chosen.length, 'series', 'series')}?`}>
        <DeleteSeries
          project={project}
          series={chosen}
          onDone={() => {
            deletion.close();
            onClear();
          }}
        />
      </Modal>
    </section>
  );
}
