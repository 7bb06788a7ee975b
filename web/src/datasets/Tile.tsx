import { IconCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { SeriesItem } from '~/api';
import { badgeStyle, counted, date, personName, ValidationMark } from '~/common';
import { Filmstrip } from './Filmstrip';
import classes from './gallery.module.css';
import { Picture } from './Picture';

interface Props {
  project: string;
  series: SeriesItem;
  isChosen: boolean;
  isFocus: boolean;
  width: number;
}

/** A series in the gallery: its picture, what it is, and what was made from it. */
export const Tile = memo(function Tile({ project, series, isChosen, isFocus, width }: Props) {
  const description = series.description || series.study_description || 'Without description';
  return (
    // biome-ignore lint/a11y/useSemanticElements: the grid is no table, for it draws only what is seen
    // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus and names its cell
    <div
      role="gridcell"
      id={`series-${series.id}`}
      data-series={series.id}
      className={classes.cell}
      style={{ width }}
      aria-selected={isChosen}
      data-focus={isFocus || undefined}
    >
      <div className={classes.frame}>
        <Picture series={series} />
        {series.preview.filmstrip_url && <Filmstrip url={series.preview.filmstrip_url} />}
        <div className={classes.badges}>
          <span className={classes.badge}>{series.modality}</span>
          {series.instance_count > 1 && <span className={classes.badge}>{series.instance_count}</span>}
          {!series.is_here && (
            <span className={classes.badge} title="The images are fetched from there when they are opened.">
              at {series.source}
            </span>
          )}
          {badgeStyle(series.validation).isGrave && (
            <span className={classes.badge} data-validation={series.validation}>
              <ValidationMark state={series.validation} size={14} />
            </span>
          )}
        </div>
        {series.results.length > 0 && (
          <div className={classes.results}>
            {series.results.slice(0, 3).map((result) => (
              <span key={result} className={classes.badge}>
                {result}
              </span>
            ))}
          </div>
        )}
        {isChosen && (
          <span className={classes.check}>
            <IconCheck size={14} stroke={2.5} aria-hidden />
          </span>
        )}
      </div>
      <Link
        to="/projects/$project/series/$series"
        params={{ project, series: series.id }}
        className={`${classes.title} truncate`}
        title={description}
        tabIndex={-1}
        draggable={false}
      >
        {description}
      </Link>
      <div className={`${classes.line} truncate patient`} dir="auto">
        {personName(series.patient_name) || series.patient_id || 'Unknown patient'}
      </div>
      <div className={`${classes.line} truncate`}>
        {[date(series.study_date), counted(series.instance_count, 'instance')].filter(Boolean).join(' · ')}
      </div>
    </div>
  );
});
