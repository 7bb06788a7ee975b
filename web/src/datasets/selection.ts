/** Which series are chosen, where a range begins, and where the keyboard is. */
export interface Selection {
  chosen: ReadonlySet<string>;
  anchor: string | null;
  focus: string | null;
}

export const NOTHING: Selection = { chosen: new Set(), anchor: null, focus: null };

export interface Keys {
  shift: boolean;
  /** Ctrl, or Cmd on a Mac. */
  toggle: boolean;
}

/** Everything between two series in the order shown, both included. */
function range(order: readonly string[], from: string, to: string): string[] {
  const [a, b] = [order.indexOf(from), order.indexOf(to)];
  return a < 0 || b < 0 ? [to] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** A click: alone it chooses one, with Ctrl or Cmd one more or less, with Shift all from the last click on. */
export function clicked(selection: Selection, id: string, order: readonly string[], keys: Keys): Selection {
  if (keys.shift && selection.anchor) {
    const span = range(order, selection.anchor, id);
    const kept = keys.toggle ? [...selection.chosen, ...span] : span;
    return { chosen: new Set(kept), anchor: selection.anchor, focus: id };
  }
  if (keys.toggle) return { ...toggledOne(selection, id), anchor: id, focus: id };
  const isOnlyOne = selection.chosen.size === 1 && selection.chosen.has(id);
  return { chosen: new Set(isOnlyOne ? [] : [id]), anchor: id, focus: id };
}

export function toggledOne(selection: Selection, id: string): Selection {
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(id)) chosen.add(id);
  return { ...selection, chosen, anchor: id };
}

/** A lasso around some: instead of what was chosen, or on top of it. */
export const lassoed = (before: Selection, ids: readonly string[], adds: boolean): Selection => ({
  chosen: new Set(adds ? [...before.chosen, ...ids] : ids),
  anchor: ids[0] ?? before.anchor,
  focus: before.focus,
});

export const choseAll = (selection: Selection, ids: readonly string[]): Selection => ({
  ...selection,
  chosen: new Set(ids),
});

/** Move the keyboard by a number of places; with Shift the range grows along. */
export function moved(selection: Selection, order: readonly string[], by: number, extends_: boolean): Selection {
  if (order.length === 0) return selection;
  const at = selection.focus ? order.indexOf(selection.focus) : -1;
  const place = at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + by));
  const focus = order[place] as string;
  if (!extends_) return { ...selection, focus, anchor: selection.chosen.size ? selection.anchor : focus };
  const anchor = selection.anchor ?? selection.focus ?? focus;
  return { chosen: new Set(range(order, anchor, focus)), anchor, focus };
}

export interface Rectangle {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Grid {
  columns: number;
  cellWidth: number;
  cellHeight: number;
  count: number;
}

/** Places of the cells of a grid that a rectangle touches, whether they are drawn at the moment or not. */
export function cellsIn(rectangle: Rectangle, grid: Grid): number[] {
  const cells: number[] = [];
  const firstRow = Math.max(0, Math.floor(rectangle.top / grid.cellHeight));
  const lastRow = Math.min(Math.ceil(grid.count / grid.columns) - 1, Math.floor(rectangle.bottom / grid.cellHeight));
  const firstColumn = Math.max(0, Math.floor(rectangle.left / grid.cellWidth));
  const lastColumn = Math.min(grid.columns - 1, Math.floor(rectangle.right / grid.cellWidth));
  for (let row = firstRow; row <= lastRow; row += 1)
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      const place = row * grid.columns + column;
      if (place < grid.count) cells.push(place);
    }
  return cells;
}
