import { Menu, UnstyledButton } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { Link, useLocation } from '@tanstack/react-router';
import type { RailEntry } from './pages';
import classes from './Shell.module.css';

/** How many pages stand below the thumb; the others are behind "More". */
const AT_HAND = 4;

interface Props {
  entries: { project: RailEntry[]; site: RailEntry[] };
  project: string | null;
}

/** The pages on a phone: the first ones by icon and name at the lower edge, all others in a menu. */
export function PhoneRail({ entries, project }: Props) {
  const { pathname } = useLocation();
  const others = entries.project.slice(AT_HAND);
  const isAmong = [...others, ...entries.site].some((entry) =>
    pathname.startsWith(entry.to.replace('$project', project ?? '')),
  );
  return (
    <nav className={classes.rail} aria-label="Pages">
      {entries.project.slice(0, AT_HAND).map((entry) => (
        <Link key={entry.to} {...targetOf(entry, project)} className={classes.link}>
          <entry.icon size={20} stroke={1.5} aria-hidden />
          <span>{entry.label}</span>
        </Link>
      ))}
      {others.length + entries.site.length > 0 && (
        <Menu position="top-end" width={220} shadow="md" withinPortal={false}>
          <Menu.Target>
            <UnstyledButton className={classes.link} data-status={isAmong ? 'active' : undefined}>
              <IconDots size={20} stroke={1.5} aria-hidden />
              <span>More</span>
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Others entries={others} project={project} />
            {others.length > 0 && entries.site.length > 0 && <Menu.Divider />}
            <Others entries={entries.site} project={project} />
          </Menu.Dropdown>
        </Menu>
      )}
    </nav>
  );
}

function Others({ entries, project }: { entries: RailEntry[]; project: string | null }) {
  return entries.map((entry) => (
    <Menu.Item
      key={entry.to}
      component={Link}
      {...targetOf(entry, project)}
      className={classes.other}
      leftSection={<entry.icon size={18} stroke={1.5} aria-hidden />}
    >
      {entry.label}
    </Menu.Item>
  ));
}

/** Where an entry leads, as the router's links take it. */
export function targetOf(entry: RailEntry, project: string | null) {
  return {
    to: entry.to,
    params: { project: project ?? '' } as never,
    activeOptions: { exact: entry.exact ?? false, includeSearch: false },
  };
}
