import { Box, Group } from '@mantine/core';
import { Outlet } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { OfflineBanner } from './OfflineBanner';
import { PersonMenu } from './PersonMenu';
import { ProjectSwitcher } from './ProjectSwitcher';
import { PrivacyScreen } from './privacy';
import { Rail } from './Rail';
import { RunningWork } from './RunningWork';
import classes from './Shell.module.css';
import { ThemeToggle } from './ThemeToggle';

interface Props {
  /** Name of the project that the page is about; null on pages about the whole site. */
  project: string | null;
  /** Shown instead of the page. */
  children?: ReactNode;
}

/** The frame of every page behind the sign-in: rail at the left, project and person above, the page in the rest. */
export function Shell({ project, children }: Props) {
  return (
    <PrivacyScreen>
      <div className={classes.frame}>
        <a className={classes.skip} href="#content">
          Skip to the content
        </a>
        <Rail project={project} />
        <header className={classes.bar}>
          <ProjectSwitcher project={project} />
          <Group gap={4} wrap="nowrap">
            {project && !children && <RunningWork project={project} />}
            <ThemeToggle />
            <PersonMenu />
          </Group>
        </header>
        <Box component="main" id="content" tabIndex={-1} className={classes.content}>
          <OfflineBanner />
          {children ?? <Outlet />}
        </Box>
      </div>
    </PrivacyScreen>
  );
}
