import { type PointerEvent, useState } from 'react';
import { tileAt } from './film';
import classes from './gallery.module.css';

/** Some slices of a series, scrolled through by moving the pointer over its picture; loaded when that begins. */
export function Filmstrip({ url }: { url: string }) {
  const [isHovered, setHovered] = useState(false);
  const [tiles, setTiles] = useState(0);
  const [tile, setTile] = useState(0);
  const move = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    setTile(tileAt(event.clientX - box.left, box.width, tiles));
  };
  const isMoving = isHovered && tiles > 1;
  return (
    <div
      className={classes.film}
      data-moving={isMoving || undefined}
      onPointerEnter={(event) => event.pointerType === 'mouse' && setHovered(true)}
      onPointerLeave={() => setHovered(false)}
      onPointerMove={move}
    >
      {isHovered && (
        <img
          src={url}
          alt=""
          draggable={false}
          style={{
            visibility: isMoving ? 'visible' : 'hidden',
            width: `${100 * tiles}%`,
            transform: `translateX(-${(100 * tile) / Math.max(1, tiles)}%)`,
          }}
          onLoad={({ currentTarget }) => setTiles(Math.round(currentTarget.naturalWidth / currentTarget.naturalHeight))}
        />
      )}
      {isMoving && (
        <span className={classes.mark} style={{ left: `${(100 * tile) / tiles}%`, width: `${100 / tiles}%` }} />
      )}
    </div>
  );
}
