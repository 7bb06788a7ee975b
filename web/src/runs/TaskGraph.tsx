import { IconChevronRight } from '@tabler/icons-react';
import { Fragment } from 'react';
import type { Task } from '~/api';
import { columnsOf } from './graph';
import classes from './runs.module.css';
import { StateMark } from './StateMark';

interface Props {
  tasks: readonly Task[];
  chosen: string | undefined;
  onChoose: (task: Task) => void;
}

/** The tasks of a job from left to right, with their states. */
export function TaskGraph({ tasks, chosen, onChoose }: Props) {
  return (
    <div className={classes.graph}>
      {columnsOf(tasks).map((column, place) => (
        <Fragment key={column[0]?.id}>
          {place > 0 && <IconChevronRight size={18} stroke={1.5} className={classes.arrow} aria-hidden />}
          <div className={classes.column}>
            {column.map((task) => (
              <button
                key={task.id}
                type="button"
                className={classes.task}
                aria-pressed={task.id === chosen}
                onClick={() => onChoose(task)}
              >
                <StateMark state={task.state} bare />
                {task.title || task.name}
              </button>
            ))}
          </div>
        </Fragment>
      ))}
    </div>
  );
}
