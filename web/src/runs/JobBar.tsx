import classes from './runs.module.css';
import { inWords, shares, stateStyle } from './states';

/** The jobs of a run by state, as one bar. */
export function JobBar({ jobsByState }: { jobsByState: Record<string, number> }) {
  const words = inWords(jobsByState);
  return (
    <div className={classes.bar} role="img" aria-label={words} title={words}>
      {shares(jobsByState).map(({ state, percent }) => (
        <div key={state} style={{ width: `${percent}%`, background: stateStyle(state).colour }} />
      ))}
    </div>
  );
}
