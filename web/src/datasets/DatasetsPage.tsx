import { ActionIcon, Button, Group, SegmentedControl, Skeleton, Stack, Text, Tooltip } from '@mantine/core';
import { useDisclosure, useDocumentTitle, useHotkeys, useLocalStorage } from '@mantine/hooks';
import { IconAlertTriangle, IconChartBar, IconPhotoSearch, IconTrash } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type DragEvent, useCallback, useRef, useState } from 'react';
import { allows, useProject } from '~/access';
import { CommandLine, counted, EmptyState, ProblemView } from '~/common';
import { ActionBar } from './ActionBar';
import { DatasetMenu } from './DatasetMenu';
import { Facets } from './Facets';
import { Gallery } from './Gallery';
import classes from './gallery.module.css';
import { QueryBar } from './QueryBar';
import { readQuery, without, writeChip, writeQuery } from './query';
import { allIds, galleryQuery, type SeriesWhere } from './requests';
import { choseAll, NOTHING, type Selection } from './selection';
import { UploadButton, UploadReportDialog } from './Uploads';
import { useUploads } from './useUploads';

interface Props {
  project: string;
  where: SeriesWhere;
  /** Change what is asked for, which stands in the address. */
  onWhere: (where: SeriesWhere) => void;
}

const SIZES = [
  { value: '150', label: 'S' },
  { value: '220', label: 'M' },
  { value: '320', label: 'L' },
];

/** The gallery: which series there are, chosen and acted upon in one place. */
export function DatasetsPage({ project, where, onWhere }: Props) {
  useDocumentTitle(`${where.dataset || 'Datasets'} · Kahua`);
  const mine = useProject(project);
  const input = useRef<HTMLInputElement>(null);
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [tileWidth, setTileWidth] = useLocalStorage({ key: 'kahua-tile-width', defaultValue: '220' });
  const [facets, toggleFacets] = useLocalStorage({ key: 'kahua-facets', defaultValue: true });
  const [dragging, drag] = useDisclosure(false);
  const uploads = useUploads(project, where.dataset);
  const gallery = useInfiniteQuery(galleryQuery(project, where));
  const items = gallery.data?.pages.flatMap((page) => page.items) ?? [];
  const total = gallery.data?.pages[0]?.total;

  const clear = () => setSelection(NOTHING);
  const change = (next: Partial<SeriesWhere>) => {
    clear();
    onWhere({ ...where, ...next });
  };
  const chooseAll = async () => {
    const ids = gallery.hasNextPage ? await allIds(project, where) : items.map((item) => item.id);
    setSelection((before) => choseAll(before, ids));
  };
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = gallery;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage]);
  useHotkeys([
    ['/', () => input.current?.focus()],
    ['D', () => toggleFacets(!facets)],
    ['Escape', clear],
  ]);

  const canUpload = allows(mine, 'series.write');
  const drop = (event: DragEvent) => {
    event.preventDefault();
    drag.close();
    if (canUpload) void uploads.send([...event.dataTransfer.files]);
  };
  return (
    <section
      aria-label="Datasets"
      style={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0, position: 'relative' }}
      onDragOver={(event) => {
        event.preventDefault();
        if (canUpload && event.dataTransfer.types.includes('Files')) drag.open();
      }}
      onDragLeave={(event) => event.relatedTarget === null && drag.close()}
      onDrop={drop}
    >
      <h1 className="visually-hidden">Datasets</h1>
      <Group px={24} pt={16} pb={8} gap={8}>
        <DatasetMenu project={project} dataset={where.dataset} onDataset={(dataset) => change({ dataset })} />
        <QueryBar query={where.q} onQuery={(q) => change({ q })} input={input} />
        {canUpload && <UploadButton onFiles={uploads.send} />}
      </Group>
      <Group px={24} pb={12} justify="space-between" gap={8}>
        <Text c="dimmed" role="status">
          {total
            ? [
                counted(total.series, 'series', 'series'),
                counted(total.studies, 'study', 'studies'),
                counted(total.patients, 'patient'),
              ].join(' · ')
            : '…'}
        </Text>
        <Group gap={8}>
          {allows(mine, 'quarantine.read') && (
            <Tooltip label="What could not be accepted">
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label="Quarantine: what could not be accepted"
                renderRoot={(props) => <Link to="/projects/$project/quarantine" params={{ project }} {...props} />}
              >
                <IconAlertTriangle size={18} stroke={1.5} />
              </ActionIcon>
            </Tooltip>
          )}
          {allows(mine, 'series.delete') && (
            <Tooltip label="What was deleted">
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label="Trash: what was deleted"
                renderRoot={(props) => <Link to="/projects/$project/trash" params={{ project }} {...props} />}
              >
                <IconTrash size={18} stroke={1.5} />
              </ActionIcon>
            </Tooltip>
          )}
          <SegmentedControl size="xs" data={SIZES} value={tileWidth} onChange={setTileWidth} aria-label="Size" />
          <Tooltip label="What is among them (D)">
            <ActionIcon
              variant={facets ? 'light' : 'subtle'}
              color={facets ? undefined : 'gray'}
              aria-label="What is among them"
              aria-pressed={facets}
              onClick={() => toggleFacets(!facets)}
            >
              <IconChartBar size={18} stroke={1.5} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <div className={classes.body}>
        {gallery.error && !gallery.data ? (
          <ProblemView error={gallery.error} retry={() => gallery.refetch()} />
        ) : gallery.isPending ? (
          <Loading />
        ) : items.length === 0 ? (
          <NothingHere project={project} where={where} onWhere={change} />
        ) : (
          <>
            <div className={classes.pane}>
              <Gallery
                project={project}
                items={items}
                tileWidth={Number(tileWidth)}
                selection={selection}
                onSelection={setSelection}
                onAll={chooseAll}
                onEnd={more}
              />
              <ActionBar
                project={project}
                where={where}
                chosen={[...selection.chosen]}
                found={total?.series ?? items.length}
                onClear={clear}
              />
            </div>
            {facets && <Facets project={project} where={where} onQuery={(q) => change({ q })} />}
          </>
        )}
      </div>
      {dragging && (
        <div className={classes.drop}>
          <Text fw={600}>Drop DICOM, ZIP or NIfTI files to add them{where.dataset && ` to ${where.dataset}`}</Text>
        </div>
      )}
      <UploadReportDialog project={project} transfers={uploads.transfers} onClose={uploads.hide} />
    </section>
  );
}

function Loading() {
  return (
    <Group px={24} gap={12} align="flex-start" style={{ flex: 1 }} aria-hidden>
      {Array.from({ length: 10 }, (_, place) => `tile-${place}`).map((key) => (
        <Skeleton key={key} w={208} h={208} />
      ))}
    </Group>
  );
}

interface NothingProps {
  project: string;
  where: SeriesWhere;
  onWhere: (where: Partial<SeriesWhere>) => void;
}

function NothingHere({ project, where, onWhere }: NothingProps) {
  const chips = readQuery(where.q);
  if (chips.length)
    return (
      <EmptyState icon={IconPhotoSearch} title="No series matches all of this">
        <Stack gap={12} align="center">
          Drop one of the conditions:
          <Group gap={8} justify="center">
            {chips.map((chip, place) => (
              <Button
                key={writeChip(chip)}
                size="xs"
                variant="default"
                onClick={() => onWhere({ q: writeQuery(without(chips, place)) })}
              >
                {writeChip(chip)} ×
              </Button>
            ))}
          </Group>
        </Stack>
      </EmptyState>
    );
  if (where.dataset)
    return (
      <EmptyState icon={IconPhotoSearch} title={`${where.dataset} is empty`}>
        <Button variant="default" onClick={() => onWhere({ dataset: '' })}>
          Choose series for it
        </Button>
      </EmptyState>
    );
  return (
    <EmptyState icon={IconPhotoSearch} title="No image has arrived yet">
      <Stack gap={12}>
        <span>
          Drop DICOM, ZIP or NIfTI files here, send from a scanner or PACS to the AE title <code>kp-{project}</code>, or
          import a folder:
        </span>
        <CommandLine command={`kahua import FOLDER --project ${project}`} />
      </Stack>
    </EmptyState>
  );
}
