// Where each eye lies in a packed picture, and what shape it has. Numbers in, numbers out.
// Rectangles are shares of the shown picture: x0, y0, x1, y1, origin top left.

/** What a viewer may say against the stream's own word; tb is full or squeezed by its shape. */
export const LAYOUT_CHOICES = Object.freeze(["auto", "full", "half", "tb"]);
/** Tall enough to hold two whole eyes, one above the other. */
const TALL = 1.2;

const BESIDE = Object.freeze({ left: [0, 0, 0.5, 1], right: [0.5, 0, 1, 1] });
const ABOVE = Object.freeze({ left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 1] });
const WHOLE = Object.freeze({ left: [0, 0, 1, 1], right: [0, 0, 1, 1] });
const CROSSED = Object.freeze({ left: BESIDE.right, right: BESIDE.left });

/** Each layout of the protocol: where its eyes are, and their stretch as [columns, rows]. */
const ARRANGEMENTS = Object.freeze({
  "full-sbs": { eyes: BESIDE, parts: [2, 1] },
  "half-sbs": { eyes: BESIDE, parts: [1, 1] },
  "full-tb": { eyes: ABOVE, parts: [1, 2] },
  "half-tb": { eyes: ABOVE, parts: [1, 1] },
  "cross-eyed": { eyes: CROSSED, parts: [2, 1] },
  vr180: { eyes: BESIDE, parts: [2, 1] },
  anaglyph: { eyes: WHOLE, parts: [1, 1] },
  "rgb-depth": { eyes: WHOLE, parts: [1, 1] },
  "debug-grid": { eyes: WHOLE, parts: [1, 1] },
});

/** Return the layout to draw: the viewer's choice, else what the stream says. */
export function arrangement(choice, streamLayout, { width, height }) {
  if (choice === "full") return "full-sbs";
  if (choice === "half") return "half-sbs";
  if (choice === "tb") return width < height * TALL ? "full-tb" : "half-tb";
  return Object.hasOwn(ARRANGEMENTS, streamLayout) ? streamLayout : "full-sbs";
}

/** Return {left, right} rectangles of a layout. */
export function eyeRectangles(layout, { swap = false } = {}) {
  const { left, right } = ARRANGEMENTS[layout].eyes;
  return swap ? { left: right, right: left } : { left, right };
}

/** Return whether both eyes see the same whole picture: one for looking at, not for a headset. */
export function isMono(layout) {
  return ARRANGEMENTS[layout].eyes === WHOLE;
}

/** Return width / height of one eye as it is meant to be seen. */
export function eyeAspect(layout, { width, height }) {
  const [columns, rows] = ARRANGEMENTS[layout].parts;
  return width / columns / (height / rows);
}

/**
 * Return the size of the picture that people see, never the coded one.
 *
 * Coders pad (a picture of 720 rows may be coded in 738); VideoFrame says both, ImageBitmap one.
 */
export function shownSize(picture) {
  return {
    width: picture.displayWidth ?? picture.width,
    height: picture.displayHeight ?? picture.height,
  };
}

/** Return the largest [x, y, width, height] of this aspect centred in a box; whole pixels. */
export function fit(aspect, boxWidth, boxHeight) {
  const width = Math.max(1, Math.round(Math.min(boxWidth, boxHeight * aspect)));
  const height = Math.max(1, Math.round(Math.min(boxHeight, boxWidth / aspect)));
  return [Math.floor((boxWidth - width) / 2), Math.floor((boxHeight - height) / 2), width, height];
}
