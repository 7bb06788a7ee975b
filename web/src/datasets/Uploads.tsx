import { Button, FileButton, Group, Modal, Progress, Stack, Text } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { UploadReport } from '~/api';
import { counted, ProblemLine, size } from '~/common';
import type { Transfer } from './useUploads';

const ACCEPTED = '.zip,.dcm,.nii,.gz,application/dicom';

export function UploadButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  return (
    <FileButton onChange={onFiles} multiple accept={ACCEPTED}>
      {(props) => (
        <Button {...props} variant="default" leftSection={<IconUpload size={16} stroke={1.5} />}>
          Upload
        </Button>
      )}
    </FileButton>
  );
}

function Report({ report }: { report: UploadReport }) {
  return (
    <>
      <Text fz="sm">
        {counted(report.accepted, 'instance')} in {counted(report.series.length, 'series', 'series')}
        {report.duplicates > 0 && `, ${report.duplicates} of them were here already`}
        {report.refused.length > 0 && `, ${report.refused.length} refused`}.
      </Text>
      {report.refused.slice(0, 20).map((one) => (
        <Text key={one.name} fz="sm" c="var(--kahua-warn)" style={{ overflowWrap: 'anywhere' }}>
          {one.name}: {one.reason}
        </Text>
      ))}
    </>
  );
}

interface Props {
  project: string;
  transfers: readonly Transfer[];
  onClose: () => void;
}

/** What is being uploaded, how far it is, and what came of it. */
export function UploadReportDialog({ project, transfers, onClose }: Props) {
  const isBusy = transfers.some((one) => !one.report && !one.error);
  const isRefused = transfers.some((one) => one.report?.refused.length);
  return (
    <Modal opened={transfers.length > 0} onClose={onClose} title={isBusy ? 'Uploading' : 'Upload finished'} size="lg">
      <Stack gap={16} aria-live="polite">
        {transfers.map((one) => (
          <Stack key={one.id} gap={4}>
            <Group justify="space-between" wrap="nowrap">
              <Text className="truncate">{one.file.name}</Text>
              <Text c="dimmed" fz="sm">
                {size(one.file.size)}
              </Text>
            </Group>
            {!one.report && !one.error && (
              <>
                <Progress value={100 * one.fraction} size="sm" aria-label={`Upload of ${one.file.name}`} />
                <Text fz="xs" c="dimmed">
                  {one.fraction < 1 ? `${Math.floor(100 * one.fraction)} % sent` : 'Sent; it is being read …'}
                </Text>
              </>
            )}
            {one.report && <Report report={one.report} />}
            <ProblemLine error={one.error} />
          </Stack>
        ))}
        {isRefused && (
          <Link to="/projects/$project/quarantine" params={{ project }}>
            See what was refused
          </Link>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {isBusy ? 'Go on in the background' : 'Close'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
