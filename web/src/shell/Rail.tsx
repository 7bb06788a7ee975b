import { Tooltip, UnstyledButton } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMe, useProject } from '~/access';
import { Mark } from '~/common';
import { PhoneRail, targetOf } from './PhoneRail';
import { type RailEntry, railEntries } from './pages';
import classes from './Shell.module.css';

function RailLink({ entry, project, open }: { entry: RailEntry; project: string | null; open: boolean }) {
  const Sign = entry.icon;
  return (
    <Tooltip label={entry.label} position="right" disabled={open}>
      <Link {...targetOf(entry, project)} className={classes.link} aria-label={entry.label}>
        <Sign size={20} stroke={1.5} style={{ flex: 'none' }} aria-hidden />
        {open && <span>{entry.label}</span>}
      </Link>
    </Tooltip>
  );
}

/** The pages of the project and of the site, as icons or with their names. */
export function Rail({ project }: { project: string | null }) {
  const me = useMe();
  const shown = project ?? me.projects[0]?.name ?? null;
  const entries = railEntries(me, useProject(shown ?? ''));
  const [open, setOpen] = useLocalStorage({ key: 'kahua-rail-open', defaultValue: false });
  const isPhone = useMediaQuery('(max-width: 600px)', undefined, { getInitialValueInEffect: false });
  if (isPhone) return <PhoneRail entries={entries} project={shown} />;
  const Fold = open ? IconLayoutSidebarLeftCollapse : IconLayoutSidebarLeftExpand;
  return (
    <nav className={classes.rail} data-open={open} aria-label="Pages">
      <Link to="/" className={classes.mark} aria-label="Kahua, start page">
        <Mark size={28} />
        {open && <span>{me.site_name}</span>}
      </Link>
      {entries.project.map((entry) => (
        <RailLink key={entry.to} entry={entry} project={shown} open={open} />
      ))}
      <div className={classes.gap} />
      {entries.site.map((entry) => (
        <RailLink key={entry.to} entry={entry} project={shown} open={open} />
      ))}
      <UnstyledButton
        className={classes.link}
        onClick={() => setOpen(!open)}
        aria-label={open ? 'Fold the menu' : 'Open the menu'}
        aria-expanded={open}
      >
        <Fold size={20} stroke={1.5} style={{ flex: 'none' }} aria-hidden />
        {open && <span>Fold</span>}
      </UnstyledButton>
    </nav>
  );
}
