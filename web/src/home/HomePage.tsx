import { IconPhotoPlus } from '@tabler/icons-react';
import { useProject } from '~/access';
import { CommandLine, EmptyState, PageHeader } from '~/common';

/** What runs, what failed, what arrived, and the datasets of a project. */
export function HomePage({ project }: { project: string }) {
  const title = useProject(project)?.title ?? project;
  return (
    <>
      <PageHeader title={title} />
      <EmptyState icon={IconPhotoPlus} title="No image has arrived yet">
        <p>Send a study from a scanner or PACS, or import a folder:</p>
        <CommandLine command={`kahua import FOLDER --project ${project}`} />
      </EmptyState>
    </>
  );
}
