import { IconFileText, IconPhotoOff, IconShape } from '@tabler/icons-react';
import type { SeriesItem } from '~/api';
import classes from './gallery.module.css';

const WITHOUT_PICTURE = new Set(['SR', 'RWV', 'PR', 'KO']);

/** The preview of a series on black, or in words why there is none. */
export function Picture({ series }: { series: SeriesItem }) {
  const { url, state, note } = series.preview;
  if (url)
    return <img className={classes.picture} src={url} alt="" draggable={false} loading="lazy" decoding="async" />;
  const Sign = WITHOUT_PICTURE.has(series.modality)
    ? IconFileText
    : series.modality === 'SEG' || series.modality === 'RTSTRUCT'
      ? IconShape
      : IconPhotoOff;
  return (
    <div className={classes.noPicture}>
      <Sign size={28} stroke={1.25} aria-hidden />
      <span>{state === 'pending' ? 'Preview is being made' : note || 'No picture'}</span>
    </div>
  );
}
