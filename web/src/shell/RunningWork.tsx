/** How much works in this project at the moment. */
export function RunningWork({ project: _project }: { project: string }) {
  return null;
}
