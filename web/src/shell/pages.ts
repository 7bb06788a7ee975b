import {
  type Icon,
  IconActivity,
  IconBinaryTree2,
  IconClipboardList,
  IconEyeOff,
  IconHome,
  IconPackage,
  IconPhoto,
  IconServer2,
  IconTransfer,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import type { Me, MyProject } from '~/api';

export interface RailEntry {
  label: string;
  to: string;
  icon: Icon;
  exact?: boolean;
}

interface Entry extends RailEntry {
  /** Permission in the project, or on the site, without which the entry is absent. */
  needs: MyProject['permissions'][number];
}

const PROJECT: Entry[] = [
  { label: 'Home', to: '/projects/$project', icon: IconHome, exact: true, needs: 'series.read' },
  { label: 'Datasets', to: '/projects/$project/datasets', icon: IconPhoto, needs: 'series.read' },
  { label: 'Workflows', to: '/projects/$project/workflows', icon: IconBinaryTree2, needs: 'workflow.read' },
  { label: 'Runs', to: '/projects/$project/runs', icon: IconActivity, needs: 'run.read' },
  { label: 'Workitems', to: '/projects/$project/workitems', icon: IconClipboardList, needs: 'workitem.read' },
  { label: 'Peers', to: '/projects/$project/peers', icon: IconServer2, needs: 'peer.read' },
  { label: 'Transfers', to: '/projects/$project/transfers', icon: IconTransfer, needs: 'peer.read' },
  {
    label: 'Confidentiality',
    to: '/projects/$project/confidentiality',
    icon: IconEyeOff,
    needs: 'confidentiality.manage',
  },
  { label: 'Members', to: '/projects/$project/members', icon: IconUsersGroup, needs: 'member.manage' },
];

const SITE: Entry[] = [
  { label: 'Extensions', to: '/site/extensions', icon: IconPackage, needs: 'extension.manage' },
  { label: 'Projects and people', to: '/site/people', icon: IconUsers, needs: 'user.manage' },
];

/** What a person finds in the rail: pages that exist and that the role can use. */
export function railEntries(me: Me, project: MyProject | undefined): { project: RailEntry[]; site: RailEntry[] } {
  return {
    project: PROJECT.filter((entry) => project?.permissions.includes(entry.needs)),
    site: SITE.filter((entry) => me.site_permissions.includes(entry.needs)),
  };
}
