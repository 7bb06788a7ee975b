import { Badge, Button, Code, FileButton, Group, Modal, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconPackage, IconPackageImport } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useMe } from '~/access';
import type { Extension } from '~/api';
import { Age, CommandLine, EmptyState, middle, PageHeader, ProblemLine, ProblemView } from '~/common';
import { extensionsQuery, installExtension, removeExtension } from './requests';

const STATE_WORDS: Record<Extension['state'], { word: string; colour: string }> = {
  building: { word: 'Being prepared', colour: 'var(--kahua-live)' },
  ready: { word: 'Ready', colour: 'var(--kahua-good)' },
  failed: { word: 'Failed', colour: 'var(--kahua-bad)' },
};

/** What is installed on the site; administrators install and remove. */
export function ExtensionsPage() {
  const { site_permissions } = useMe();
  const queries = useQueryClient();
  const extensions = useQuery(extensionsQuery);
  const refresh = () => queries.invalidateQueries();
  const install = useMutation({ mutationFn: installExtension, onSuccess: refresh });
  const [leaving, setLeaving] = useState<Extension | null>(null);
  const mayManage = site_permissions.includes('extension.manage');
  if (extensions.error && !extensions.data)
    return <ProblemView error={extensions.error} retry={() => extensions.refetch()} />;
  return (
    <>
      <PageHeader
        title="Extensions"
        description="Packages of workflows. Each runs in an environment of its own."
        actions={
          mayManage && (
            <FileButton accept=".zip,application/zip" onChange={(file) => file && install.mutate(file)}>
              {(props) => (
                <Button
                  {...props}
                  loading={install.isPending}
                  leftSection={<IconPackageImport size={16} stroke={1.5} />}
                >
                  Install an archive
                </Button>
              )}
            </FileButton>
          )
        }
      />
      <Stack px={24} pb={24} gap={12} maw={980}>
        <ProblemLine error={install.error} />
        {extensions.isPending && <Skeleton h={120} />}
        {extensions.data?.items.length === 0 && (
          <EmptyState icon={IconPackage} title="Nothing is installed">
            <Stack gap={12}>
              <span>
                An extension is a folder with an extension.toml. Install one from an archive, or on the machine:
              </span>
              <CommandLine command="kahua extension install extensions/brain-extraction" />
            </Stack>
          </EmptyState>
        )}
        {extensions.data?.items.map((one) => (
          <Card key={`${one.name}-${one.version}`} extension={one} onRemove={mayManage ? setLeaving : null} />
        ))}
      </Stack>
      <Modal opened={leaving !== null} onClose={() => setLeaving(null)} title={`Remove ${leaving?.title ?? ''}?`}>
        {leaving && <Removal extension={leaving} onDone={() => setLeaving(null)} />}
      </Modal>
    </>
  );
}

function Card({ extension, onRemove }: { extension: Extension; onRemove: ((one: Extension) => void) | null }) {
  const { word, colour } = STATE_WORDS[extension.state];
  return (
    <Paper withBorder p={16} style={{ borderColor: 'var(--kahua-line)' }}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div style={{ minWidth: 0 }}>
          <Group gap={8}>
            <Title order={2}>{extension.title}</Title>
            <Text c="dimmed">{extension.version}</Text>
            <Text fz="sm" c={colour} role="status">
              {word}
            </Text>
            {extension.maturity !== 'stable' && <Badge variant="default">{extension.maturity}</Badge>}
          </Group>
          <Text mt={4}>{extension.description}</Text>
          <Text fz="sm" c="dimmed" mt={8}>
            Workflows: {extension.workflows.join(', ')} · Licence: {extension.licence} · installed by{' '}
            {extension.installed_by} <Age moment={extension.installed_at} />
          </Text>
          <Text className="mono" c="dimmed" title={extension.digest}>
            {middle(extension.digest, 32)}
          </Text>
          {extension.error && (
            <Code block mt={8} tabIndex={0}>
              {extension.error}
            </Code>
          )}
        </div>
        {onRemove && (
          <Button size="xs" variant="default" onClick={() => onRemove(extension)}>
            Remove …
          </Button>
        )}
      </Group>
    </Paper>
  );
}

function Removal({ extension, onDone }: { extension: Extension; onDone: () => void }) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => removeExtension(extension),
    onSuccess: async () => {
      await queries.invalidateQueries();
      onDone();
    },
  });
  return (
    <Stack gap={16}>
      <Text>
        Its workflows ({extension.workflows.join(', ')}) can no longer be started. Results and records of runs stay.
      </Text>
      <ProblemLine error={remove.error} />
      <Group justify="flex-end" gap={8}>
        <Button variant="default" onClick={onDone} data-autofocus>
          Keep it
        </Button>
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
          Remove
        </Button>
      </Group>
    </Stack>
  );
}
