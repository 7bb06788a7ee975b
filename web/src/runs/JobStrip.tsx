import { Tooltip } from '@mantine/core';
import type { Job } from '~/api';
import classes from './runs.module.css';
import { stateStyle } from './states';

interface Props {
  jobs: readonly Job[];
  chosen: string | undefined;
  onChoose: (job: Job) => void;
}

/** One small square a job: a thousand can be taken in at a glance. */
export function JobStrip({ jobs, chosen, onChoose }: Props) {
  return (
    <div className={classes.strip}>
      {jobs.map((job) => {
        const { word, colour } = stateStyle(job.state);
        const label = `Job ${job.position + 1}, ${word}: ${job.series.map((one) => one.description || one.modality).join(', ')}`;
        return (
          <Tooltip key={job.id} label={label}>
            <button
              type="button"
              className={classes.cell}
              style={{ background: colour }}
              aria-label={label}
              aria-pressed={job.id === chosen}
              onClick={() => onChoose(job)}
            />
          </Tooltip>
        );
      })}
    </div>
  );
}
