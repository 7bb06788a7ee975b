/** Place of the tile under the pointer: the width of the picture is the length of the series. */
export function tileAt(x: number, width: number, tiles: number): number {
  if (width <= 0 || tiles <= 1) return 0;
  return Math.min(tiles - 1, Math.max(0, Math.floor((x / width) * tiles)));
}
