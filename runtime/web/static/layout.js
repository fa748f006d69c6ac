// Where each eye lies in a packed picture, and what shape it has. Numbers in, numbers out.
// Rectangles are shares of the shown picture: x0, y0, x1, y1, origin top left.

export const LAYOUT_CHOICES = Object.freeze(["auto", "full", "half", "tb"]);

const HALVES = Object.freeze({
  sbs: { left: [0, 0, 0.5, 1], right: [0.5, 0, 1, 1] },
  tb: { left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 1] },
});

/** Return the arrangement to draw: the viewer's choice, else what the stream says. */
export function arrangement(choice, streamLayout) {
  if (choice !== "auto") return choice;
  return streamLayout === "half-sbs" ? "half" : "full";
}

/** Return {left, right} rectangles for an arrangement. */
export function eyeRectangles(arranged, { swap = false } = {}) {
  const { left, right } = HALVES[arranged === "tb" ? "tb" : "sbs"];
  return swap ? { left: right, right: left } : { left, right };
}

/**
 * Return width / height of one eye as it is meant to be seen.
 *
 * A top-bottom picture that is taller than wide holds full eyes, otherwise squeezed ones.
 */
export function eyeAspect(arranged, widthPx, heightPx) {
  if (arranged === "full") return widthPx / 2 / heightPx;
  if (arranged === "half") return widthPx / heightPx;
  return widthPx < heightPx * 1.2 ? widthPx / (heightPx / 2) : widthPx / heightPx;
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
