import { Button, Select, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { allows, useProject } from '~/access';
import type { CheckResult, DataRequest, WorkflowDetail } from '~/api';
import { CommandLine, counted, ProblemLine } from '~/common';
import { datasetsQuery, readChoice } from '~/datasets';
import { OrderButton } from '~/workitems';
import { commandLine } from './commandLine';
import { chosenValues, defaultsOf, type FormSchema, keepDraft, missing, readDraft, type Values } from './formModel';
import { preflight } from './preflight';
import { checkQuery, startRun } from './requests';
import type { WorkflowView } from './WorkflowPage';
import classes from './workflows.module.css';

/** Only who opens a form with parameters loads what draws it. */
const Parameters = lazy(() => import('./Parameters'));

/** Pause after typing before the check is asked again. */
const CHECK_MILLISECONDS = 300;

interface Props {
  project: string;
  workflow: WorkflowDetail;
  view: WorkflowView;
  onView: (view: WorkflowView) => void;
}

function useRunForm({ project, workflow, view }: Omit<Props, 'onView'>) {
  const schema = workflow.form as FormSchema;
  const [values, setValues] = useState<Values>(() => ({
    ...defaultsOf(schema),
    ...readDraft(project, workflow.name, schema),
  }));
  const change = (next: Values) => {
    setValues(next);
    keepDraft(project, workflow.name, next);
  };
  const series = readChoice(view);
  const isComplete = missing(schema, values).length === 0;
  const data: DataRequest | null = view.dataset
    ? { dataset: { name: view.dataset }, parameters: values }
    : series && { series, parameters: values };
  return { schema, values, change, series, isComplete, data };
}

/** Which data, which parameters, whether it will work, and the start. */
export function RunForm({ project, workflow, view, onView }: Props) {
  const mine = useProject(project);
  const navigate = useNavigate();
  const { schema, values, change, series, isComplete, data } = useRunForm({ project, workflow, view });
  const [checked] = useDebouncedValue(data, CHECK_MILLISECONDS);
  const [extension = '', name = ''] = workflow.name.split('/');
  const check = useQuery({
    ...checkQuery(project, extension, name, checked ?? {}),
    enabled: checked !== null && isComplete,
  });
  const start = useMutation({
    mutationFn: () => startRun(project, workflow.name, data ?? {}),
    onSuccess: (run) => navigate({ to: '/projects/$project/runs/$run', params: { project, run: run.id }, search: {} }),
  });
  const result = data && check.data ? preflight(check.data) : null;
  const refusal = !allows(mine, 'run.start')
    ? 'Your role in this project may not start runs.'
    : !data
      ? 'Choose the data first.'
      : !isComplete
        ? 'A parameter has no value yet.'
        : null;
  return (
    <section className={classes.form} aria-label="Run it">
      <Stack gap={20}>
        <Data project={project} series={series} view={view} onView={onView} />
        {data && <Check check={check.data} error={check.error} />}
        {Object.keys(schema.properties ?? {}).length > 0 && (
          <Stack gap={8}>
            <Title order={2}>Parameters</Title>
            <Suspense fallback={<Skeleton h={120} />}>
              <Parameters schema={schema} hints={workflow.ui} values={values} onChange={change} />
            </Suspense>
          </Stack>
        )}
        <Stack gap={8}>
          <ProblemLine error={start.error} />
          <Button
            size="md"
            leftSection={<IconPlayerPlay size={18} stroke={1.5} />}
            disabled={refusal !== null || !result?.canStart}
            loading={start.isPending}
            onClick={() => start.mutate()}
          >
            {result && check.data ? `Start ${counted(check.data.jobs, 'job')}` : 'Start'}
          </Button>
          {allows(mine, 'workitem.write') && (
            <OrderButton
              project={project}
              workflow={workflow}
              data={data}
              disabled={refusal !== null || !result?.canStart}
            />
          )}
          {refusal && (
            <Text fz="sm" c="dimmed">
              {refusal}
            </Text>
          )}
        </Stack>
        {data && (
          <Stack gap={4}>
            <Text fz="xs" c="dimmed">
              The same from the command line
            </Text>
            <CommandLine
              command={commandLine(
                project,
                workflow.name,
                { dataset: view.dataset, series: series ?? undefined, skipsUnfit: Boolean(check.data?.unfit.length) },
                chosenValues(schema, values),
              )}
            />
          </Stack>
        )}
      </Stack>
    </section>
  );
}

interface DataProps {
  project: string;
  series: string[] | null;
  view: WorkflowView;
  onView: (view: WorkflowView) => void;
}

function Data({ project, series, view, onView }: DataProps) {
  const datasets = useQuery(datasetsQuery(project));
  const chosen = series
    ? [{ value: '', label: `The ${counted(series.length, 'series', 'series')} chosen before` }]
    : [];
  const known = (datasets.data?.items ?? []).map((one) => ({
    value: one.name,
    label: `${one.name} · version ${one.version} · ${counted(one.series_count, 'series', 'series')}`,
  }));
  return (
    <Select
      label="Data"
      description="A dataset in its newest version, or series chosen in Datasets."
      placeholder={known.length ? 'Choose a dataset' : 'No dataset yet: choose series in Datasets'}
      data={[...chosen, ...known]}
      value={view.dataset ?? (series ? '' : null)}
      allowDeselect={false}
      searchable={known.length > 8}
      onChange={(dataset) => onView({ ...view, dataset: dataset || undefined })}
    />
  );
}

function Check({ check, error }: { check: CheckResult | undefined; error: unknown }) {
  if (error) return <ProblemLine error={error} />;
  if (!check) return <Skeleton h={20} w={220} />;
  const { summary, reasons } = preflight(check);
  const isGood = check.unfit.length === 0 && check.reasons.length === 0;
  return (
    <Stack gap={4} role="status">
      <Text fw={600} c={isGood ? 'var(--kahua-good)' : 'var(--kahua-warn)'}>
        {summary}
        {check.unfit.length > 0 && check.fit.length > 0 && '; the others are left out:'}
      </Text>
      {check.reasons.map((reason) => (
        <Text key={reason} fz="sm">
          {reason}
        </Text>
      ))}
      {reasons.map(({ reason, count }) => (
        <Text key={reason} fz="sm">
          {check.unfit.length > 1 ? `${count} × ` : ''}
          {reason}
        </Text>
      ))}
    </Stack>
  );
}
