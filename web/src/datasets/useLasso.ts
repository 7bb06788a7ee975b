import { type PointerEvent, type RefObject, useRef, useState } from 'react';
import type { Rectangle } from './selection';

interface Point {
  x: number;
  y: number;
}

/** Pixels that the pointer must move before a press becomes a lasso. */
const THRESHOLD = 5;

const spanned = (a: Point, b: Point): Rectangle => ({
  left: Math.min(a.x, b.x),
  top: Math.min(a.y, b.y),
  right: Math.max(a.x, b.x),
  bottom: Math.max(a.y, b.y),
});

/** A rectangle drawn with the pointer over the canvas, in the canvas' own coordinates. */
export function useLasso(canvas: RefObject<HTMLElement | null>, onLasso: (area: Rectangle, adds: boolean) => void) {
  const start = useRef<Point | null>(null);
  const drawn = useRef(false);
  const [area, setArea] = useState<Rectangle | null>(null);

  const at = (event: PointerEvent): Point => {
    const box = canvas.current?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  return {
    area,
    /** Whether the press that ends now was a lasso, and so no click. */
    wasDrawn: () => drawn.current,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        drawn.current = false;
        const isEmpty = !(event.target as HTMLElement).closest('[data-series]');
        if (event.button === 0 && isEmpty) start.current = at(event);
      },
      onPointerMove: (event: PointerEvent) => {
        if (!start.current) return;
        const next = spanned(start.current, at(event));
        if (!drawn.current && next.right - next.left + next.bottom - next.top < THRESHOLD) return;
        if (!drawn.current) event.currentTarget.setPointerCapture(event.pointerId);
        drawn.current = true;
        setArea(next);
        onLasso(next, event.ctrlKey || event.metaKey || event.shiftKey);
      },
      onPointerUp: () => {
        start.current = null;
        setArea(null);
      },
    },
  };
}
