import { useElementSize } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef } from 'react';
import type { SeriesItem } from '~/api';
import classes from './gallery.module.css';
import { cellsIn, clicked, lassoed, moved, type Selection, toggledOne } from './selection';
import { Tile } from './Tile';
import { useLasso } from './useLasso';

interface Props {
  project: string;
  items: readonly SeriesItem[];
  /** Width that a tile wants to have; the row is shared out evenly. */
  tileWidth: number;
  selection: Selection;
  onSelection: (change: (before: Selection) => Selection) => void;
  onAll: () => void;
  onEnd: () => void;
}

/** Height of the three lines under a picture, with their gaps. */
const CAPTION = 74;

/** Previews in a grid that draws only what is seen, chosen with pointer or keyboard. */
export function Gallery({ project, items, tileWidth, selection, onSelection, onAll, onEnd }: Props) {
  const navigate = useNavigate();
  const scroll = useRef<HTMLDivElement>(null);
  const { ref: canvas, width } = useElementSize<HTMLDivElement>();
  const canvasElement = useRef<HTMLDivElement | null>(null);
  const columns = Math.max(1, Math.floor(width / tileWidth));
  const cellWidth = Math.floor(width / columns);
  const cellHeight = cellWidth - 12 + CAPTION;
  const order = useMemo(() => items.map((item) => item.id), [items]);
  const rows = Math.ceil(items.length / columns);
  const virtual = useVirtualizer({
    count: width ? rows : 0,
    getScrollElement: () => scroll.current,
    estimateSize: () => cellHeight,
    overscan: 3,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height of rows makes all measures void
  useEffect(() => virtual.measure(), [cellHeight, virtual]);

  const shown = virtual.getVirtualItems();
  const lastShown = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows && lastShown >= rows - 4) onEnd();
  }, [lastShown, rows, onEnd]);

  const lasso = useLasso(canvasElement, (area, adds) => {
    const touched = cellsIn(area, { columns, cellWidth, cellHeight, count: items.length });
    const ids = touched.flatMap((place) => order[place] ?? []);
    onSelection((before) => lassoed(before, ids, adds));
  });

  const open = (series: string) => navigate({ to: '/projects/$project/series/$series', params: { project, series } });
  const idAt = (event: MouseEvent) =>
    (event.target as HTMLElement).closest<HTMLElement>('[data-series]')?.dataset.series;
  const click = (event: MouseEvent) => {
    const id = idAt(event);
    if (lasso.wasDrawn() || (event.target as HTMLElement).closest('a')) return;
    const keys = { shift: event.shiftKey, toggle: event.ctrlKey || event.metaKey };
    onSelection((before) => (id ? clicked(before, id, order, keys) : { ...before, chosen: new Set() }));
  };
  const doubleClick = (event: MouseEvent) => {
    const id = idAt(event);
    if (id) open(id);
  };

  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    Home: -items.length,
    End: items.length,
  };
  const press = (event: KeyboardEvent) => {
    const step = steps[event.key];
    const { focus } = selection;
    if (step !== undefined) {
      const next = moved(selection, order, step, event.shiftKey);
      onSelection(() => next);
      if (next.focus) virtual.scrollToIndex(Math.floor(order.indexOf(next.focus) / columns));
    } else if (event.key === ' ' && focus) onSelection((before) => toggledOne(before, focus));
    else if (event.key === 'Enter' && focus) open(focus);
    else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) onAll();
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be drawn in parts
    <div
      ref={scroll}
      className={classes.scroll}
      role="grid"
      aria-label="Series"
      aria-multiselectable
      aria-rowcount={rows}
      aria-activedescendant={selection.focus ? `series-${selection.focus}` : undefined}
      tabIndex={0}
      onClick={click}
      onDoubleClick={doubleClick}
      onKeyDown={press}
      {...lasso.handlers}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      <div
        ref={(element) => {
          canvasElement.current = element;
          canvas(element);
        }}
        role="rowgroup"
        className={classes.canvas}
        style={{ height: virtual.getTotalSize() }}
      >
        {shown.map((row) => (
          // biome-ignore lint/a11y/useSemanticElements: see above
          // biome-ignore lint/a11y/useFocusableInteractive: the grid holds the focus
          <div
            key={row.key}
            role="row"
            aria-rowindex={row.index + 1}
            className={classes.row}
            style={{ transform: `translateY(${row.start}px)`, height: row.size }}
          >
            {items.slice(row.index * columns, (row.index + 1) * columns).map((series) => (
              <Tile
                key={series.id}
                project={project}
                series={series}
                width={cellWidth}
                isChosen={selection.chosen.has(series.id)}
                isFocus={selection.focus === series.id}
              />
            ))}
          </div>
        ))}
        {lasso.area && (
          <div
            className={classes.lasso}
            style={{
              left: lasso.area.left,
              top: lasso.area.top,
              width: lasso.area.right - lasso.area.left,
              height: lasso.area.bottom - lasso.area.top,
            }}
          />
        )}
      </div>
    </div>
  );
}
