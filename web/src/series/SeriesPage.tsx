import { ActionIcon, Anchor, Button, Group, Select, Skeleton, Tabs, Text, Title, Tooltip } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconArrowLeft, IconBinaryTree2, IconDownload, IconExternalLink } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { allows, useProject } from '~/access';
import type { SeriesDetail } from '~/api';
import { badgeStyle, date, ProblemView, personName, ValidationMark } from '~/common';
import { Picture } from '~/datasets';
import { SendMenu } from '~/transfers';
import { About } from './About';
import { FusionButton } from './FusionButton';
import { RelatedList } from './RelatedList';
import { Report } from './Report';
import { seriesQuery } from './requests';
import classes from './series.module.css';
import { Tags } from './Tags';
import { Validation } from './Validation';
import { embeddedUrl, fusionOf, isOverlay, viewerUrl } from './viewer';

export interface SeriesView {
  tab?: string | undefined;
  /** Id of the segmentation that is drawn over the image; `none`: none. */
  overlay?: string | undefined;
  /** Id of the series that is seen together with it, one over the other. */
  fusion?: string | undefined;
}

interface Props {
  project: string;
  series: string;
  view: SeriesView;
  onView: (view: SeriesView) => void;
}

/** A series: the viewer at the left, what is known about it at the right. */
export function SeriesPage({ project, series: id, view, onView }: Props) {
  const query = useQuery(seriesQuery(project, id));
  useDocumentTitle(`${query.data?.description || 'Series'} · Kahua`);
  if (query.error && !query.data) return <ProblemView error={query.error} retry={() => query.refetch()} />;
  if (!query.data)
    return (
      <div className={classes.columns}>
        <Skeleton h="100%" radius={0} />
        <Skeleton m={16} h={200} w="auto" />
      </div>
    );
  const series = query.data;
  return (
    <div className={classes.columns}>
      <Viewer project={project} series={series} view={view} />
      <section className={classes.side} aria-label="About this series">
        <Head project={project} series={series} view={view} onView={onView} />
        <Tabs
          value={view.tab ?? 'about'}
          onChange={(tab) => onView({ ...view, tab: tab ?? undefined })}
          keepMounted={false}
          className={classes.tabs}
        >
          <Tabs.List px={10}>
            <Tabs.Tab value="about" px={6}>
              About
            </Tabs.Tab>
            <Tabs.Tab value="results" px={6}>
              Results{count(series.referenced_by.length)}
            </Tabs.Tab>
            <Tabs.Tab value="related" px={6}>
              Related{count(series.references.length)}
            </Tabs.Tab>
            <Tabs.Tab value="validation" px={6}>
              <Group gap={4} wrap="nowrap">
                Validation
                {badgeStyle(series.validation).isGrave && <ValidationMark state={series.validation} size={14} />}
              </Group>
            </Tabs.Tab>
            <Tabs.Tab value="tags" px={6}>
              Tags
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="about" className={classes.panel}>
            <About series={series} project={project} />
          </Tabs.Panel>
          <Tabs.Panel value="results" className={classes.panel}>
            <RelatedList
              project={project}
              items={series.referenced_by}
              empty="Nothing was made from this series yet. Run a workflow on it."
            />
          </Tabs.Panel>
          <Tabs.Panel value="related" className={classes.panel}>
            <RelatedList project={project} items={series.references} empty="It refers to no other series." />
            <Anchor
              mt={12}
              display="block"
              renderRoot={(props) => (
                <Link
                  to="/projects/$project/datasets"
                  params={{ project }}
                  search={{ q: `StudyInstanceUID:${series.study_uid}` }}
                  {...props}
                />
              )}
            >
              All series of this study
            </Anchor>
          </Tabs.Panel>
          <Tabs.Panel value="validation" className={classes.panel}>
            <Validation project={project} series={series.id} />
          </Tabs.Panel>
          <Tabs.Panel value="tags" className={classes.panel}>
            <Tags project={project} series={series.id} />
          </Tabs.Panel>
        </Tabs>
      </section>
    </div>
  );
}

const count = (number: number): string => (number ? ` (${number})` : '');

function Head({ project, series, view, onView }: { series: SeriesDetail } & Omit<Props, 'series'>) {
  const mine = useProject(project);
  const overlays = series.referenced_by.filter(isOverlay);
  const viewer = shownUrl(project, series, view);
  const patient = personName(series.patient_name) || series.patient_id;
  return (
    <div className={classes.head}>
      <Group gap={8} wrap="nowrap">
        <Tooltip label="Back to the datasets">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Back to the datasets"
            renderRoot={(props) => <Link to="/projects/$project/datasets" params={{ project }} {...props} />}
          >
            <IconArrowLeft size={18} stroke={1.5} />
          </ActionIcon>
        </Tooltip>
        <Title order={1} fz={16} className="truncate" title={series.description} dir="auto">
          {series.description || 'Without description'}
        </Title>
      </Group>
      <Text c="dimmed" fz="sm" className="truncate" pl={36}>
        {series.modality}
        {patient && (
          <>
            {' · '}
            <span className="patient">{patient}</span>
          </>
        )}
        {series.study_date && ` · ${date(series.study_date)}`}
      </Text>
      <Group gap={8} mt={12}>
        {allows(mine, 'run.start') && (
          <Button
            size="xs"
            leftSection={<IconBinaryTree2 size={16} stroke={1.5} />}
            renderRoot={(props) => (
              <Link to="/projects/$project/workflows" params={{ project }} search={{ series: series.id }} {...props} />
            )}
          >
            Run workflow
          </Button>
        )}
        {allows(mine, 'series.export') && (
          <SendMenu project={project} number={1} what={async () => ({ series: [series.id] })} />
        )}
        <FusionButton series={series} fusion={view.fusion} onFusion={(fusion) => onView({ ...view, fusion })} />
        {viewer && (
          <Button
            size="xs"
            variant="default"
            component="a"
            href={viewer}
            target="_blank"
            rel="noopener"
            leftSection={<IconExternalLink size={16} stroke={1.5} />}
          >
            Viewer alone
          </Button>
        )}
        {series.document_urls.map((address, place) => (
          <Button
            key={address}
            size="xs"
            variant="default"
            component="a"
            href={address}
            download
            leftSection={<IconDownload size={16} stroke={1.5} />}
          >
            {series.document_urls.length > 1 ? `PDF ${place + 1}` : 'PDF'}
          </Button>
        ))}
        {overlays.length > 0 && (
          <Select
            size="xs"
            w={180}
            aria-label="Segmentation over the image"
            allowDeselect={false}
            data={[
              ...overlays.map((one) => ({ value: one.id, label: one.description || one.modality })),
              { value: 'none', label: 'No segmentation' },
            ]}
            value={view.overlay ?? overlays.at(-1)?.id ?? 'none'}
            onChange={(overlay) => onView({ ...view, overlay: overlay ?? undefined, fusion: undefined })}
          />
        )}
      </Group>
    </div>
  );
}

const shownUrl = (project: string, series: SeriesDetail, view: SeriesView): string | null =>
  fusionOf(series, view.fusion)?.viewer_url ?? viewerUrl(project, series, view.overlay);

function Viewer({ project, series, view }: { project: string; series: SeriesDetail; view: SeriesView }) {
  if (series.modality === 'SR') return <Report project={project} series={series} />;
  if (series.film_url)
    return (
      <div className={classes.still}>
        {/* biome-ignore lint/a11y/useMediaCaption: videos of patients have no captions */}
        <video src={series.film_url} poster={series.preview.url ?? undefined} controls preload="metadata" />
      </div>
    );
  const address = shownUrl(project, series, view);
  if (!address)
    return (
      <figure className={classes.still}>
        <Picture series={series} />
        {series.preview.url && (
          <figcaption>
            {series.preview.note || 'The viewer does not show this kind of series: this is its picture.'}
          </figcaption>
        )}
      </figure>
    );
  return (
    <iframe
      className={classes.viewer}
      src={embeddedUrl(address)}
      title={`Viewer: ${series.description}`}
      allow="fullscreen"
    />
  );
}
