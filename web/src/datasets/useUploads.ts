import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { UploadReport } from '~/api';
import { upload } from './requests';

export interface Transfer {
  id: string;
  file: File;
  /** How much has been sent, from 0 to 1. */
  fraction: number;
  report?: UploadReport;
  error?: unknown;
}

/** Files on their way into a project, one after the other. */
export function useUploads(project: string, dataset: string) {
  const queries = useQueryClient();
  const [transfers, setTransfers] = useState<Transfer[]>([]);
  const [isShown, setShown] = useState(false);
  const note = (id: string, change: Partial<Transfer>) =>
    setTransfers((before) => before.map((one) => (one.id === id ? { ...one, ...change } : one)));

  const send = async (files: readonly File[]) => {
    if (files.length === 0) return;
    const added = files.map((file) => ({ id: crypto.randomUUID(), file, fraction: 0 }));
    setTransfers((before) => [...before.filter((one) => !one.report && !one.error), ...added]);
    setShown(true);
    for (const { id, file } of added) {
      try {
        note(id, { report: await upload(project, file, dataset, (fraction) => note(id, { fraction })) });
      } catch (error) {
        note(id, { error });
      }
    }
    await queries.invalidateQueries({ queryKey: ['project', project] });
  };
  return { transfers: isShown ? transfers : [], send, hide: () => setShown(false) };
}
