// The floating panel in the headset: large buttons painted with a 2D canvas onto a rectangle.
// Which ray points where is headset-pointers.js; what a button does is actions.js.

import { controlText } from "./controls.js";
import { hitRectangle, multiply, rectangleVertices, rotation, translation } from "./space.js";

const WIDTH_PX = 1280;
const HEIGHT_PX = 720;
const WIDTH_M = 0.92;
const HEIGHT_M = (WIDTH_M * HEIGHT_PX) / WIDTH_PX;
const REPAINT_MS = 200;
/** Shown when a session begins, so that nobody has to guess that it exists. */
const FIRST_SHOW_MS = 9000;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const COLOURS = Object.freeze({
  ground: "rgba(13, 16, 22, 0.94)", button: "#232a36", hover: "#3f6bef", text: "#eef1f6", soft: "#a3adbd",
});

/** Rows of steppers: label, what reads the value, what a press of − or + does. */
function steppers({ actions, player, settings }) {
  const control = (name, label, unit = "") => ({
    label,
    text: () => {
      const [value, range] = [actions.controls[name], player.stream?.ranges[name]];
      return value === undefined || !range ? "–" : controlText(name, value, range, unit);
    },
    step: (steps) => actions.nudgeControl(name, steps),
  });
  const setting = (name, label, text) => ({
    label,
    text: () => text(settings.get(name)),
    step: (steps) => settings.nudge(name, steps * 2),
  });
  return [
    [control("strength", "Depth", "%"), setting("widthM", "Size", (m) => `${m.toFixed(1)} m`)],
    [control("convergence", "Convergence"), setting("distanceM", "Distance", (m) => `${m.toFixed(1)} m`)],
    [control("comfort", "Comfort"), setting("curvature", "Curve", (c) => `${Math.round(c * 100)} %`)],
  ];
}

/** Return every button: {x, y, width, height, label, press} in pixels of the canvas. */
function buttonsOf(headset) {
  const { actions, player } = headset;
  const buttons = [];
  steppers(headset).forEach((row, rowNumber) =>
    row.forEach(({ step }, column) => {
      const [x, y] = [32 + column * 624, 112 + rowNumber * 140];
      buttons.push({ x, y, width: 120, height: 116, label: "−", press: () => step(-1) });
      buttons.push({ x: x + 472, y, width: 120, height: 116, label: "+", press: () => step(1) });
    }),
  );
  const last = [
    ["Recenter", () => actions.recenter()],
    ["Swap eyes", () => actions.swapEyes()],
    ...(actions.sound.reason ? [] : [[actions.sound.state === "on" ? "Mute" : "Sound", () => actions.toggleSound()]]),
    ...(actions.canPause ? [[player.isPaused ? "Play" : "Pause", () => actions.togglePause()]] : []),
    ["Leave VR", () => actions.toggleHeadset()],
  ];
  const pitch = (WIDTH_PX - 48) / last.length;
  last.forEach(([label, press], column) =>
    buttons.push({ x: 32 + column * pitch, y: 548, width: pitch - 16, height: 132, label, press }),
  );
  return buttons;
}

export class HeadsetPanel {
  #headset;
  #canvas = document.createElement("canvas");
  #texture;
  #mesh;
  #matrix = null;
  #paintedMs = -Infinity;
  #hideAtMs = performance.now() + FIRST_SHOW_MS;
  #hover = null;
  isShown = true;

  constructor(headset) {
    this.#headset = headset;
    Object.assign(this.#canvas, { width: WIDTH_PX, height: HEIGHT_PX });
    this.#texture = headset.presenter.buildTexture();
    this.#mesh = headset.presenter.buildMesh(rectangleVertices(WIDTH_M, HEIGHT_M));
  }

  /** Show or hide the panel; from then on it stays so until the next time. */
  toggle() {
    this.isShown = !this.isShown;
    this.#hideAtMs = Infinity;
    this.#paintedMs = -Infinity;
  }

  /** Stand below the screen, within reach of the eyes; `place` is the viewer's anchor. */
  update(place) {
    const now = performance.now();
    if (now > this.#hideAtMs) {
      this.isShown = false;
      this.#hideAtMs = Infinity;
    }
    this.#matrix = multiply(place, multiply(translation(0, -0.62, -1.04), rotation(0, -0.54)));
    if (this.isShown && now - this.#paintedMs > REPAINT_MS) this.#paint(now);
  }

  /** Return where a pointer's ray meets the panel: {u, v, distanceM}, or null. */
  hit(ray) {
    if (!this.isShown || !this.#matrix) return null;
    return hitRectangle(ray, this.#matrix, WIDTH_M, HEIGHT_M);
  }

  /** Return the matrix of a spot on the panel, a little before it. */
  spot({ u, v }) {
    return multiply(this.#matrix, translation((u - 0.5) * WIDTH_M, (0.5 - v) * HEIGHT_M, 0.004));
  }

  /** Light up the button under a pointer. */
  hover(hit) {
    const label = hit ? this.#buttonAt(hit) : null;
    const key = label && `${label.x} ${label.y}`;
    if (key !== this.#hover) this.#paintedMs = -Infinity;
    this.#hover = key;
    if (hit && this.#hideAtMs < Infinity) this.#hideAtMs = performance.now() + FIRST_SHOW_MS;
  }

  /** Press what lies at a spot. */
  press(hit) {
    this.#buttonAt(hit)?.press();
    this.#paintedMs = -Infinity;
  }

  /** Draw into the current view. */
  draw(presenter, toClip) {
    if (!this.isShown || !this.#matrix) return;
    presenter.drawPanel(this.#mesh, multiply(toClip, this.#matrix), this.#texture);
  }

  /** Free what the GPU holds. */
  close() {
    this.#headset.presenter.freeMesh(this.#mesh);
    this.#headset.presenter.gl.deleteTexture(this.#texture);
  }

  #buttonAt({ u, v }) {
    const [x, y] = [u * WIDTH_PX, v * HEIGHT_PX];
    const isInside = (one) =>
      x >= one.x && x <= one.x + one.width && y >= one.y && y <= one.y + one.height;
    return buttonsOf(this.#headset).find(isInside) ?? null;
  }

  #paint(now) {
    this.#paintedMs = now;
    const paint = this.#canvas.getContext("2d");
    paint.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
    paint.fillStyle = COLOURS.ground;
    paint.beginPath();
    paint.roundRect(0, 0, WIDTH_PX, HEIGHT_PX, 44);
    paint.fill();
    this.#paintTitle(paint);
    steppers(this.#headset).forEach((row, rowNumber) =>
      row.forEach(({ label, text }, column) => {
        const [x, y] = [328 + column * 624, 112 + rowNumber * 140];
        this.#write(paint, label, [x, y + 36], { size: 30, colour: COLOURS.soft });
        this.#write(paint, text(), [x, y + 80], { size: 44 });
      }),
    );
    for (const button of buttonsOf(this.#headset)) this.#paintButton(paint, button);
    this.#upload();
  }

  #paintTitle(paint) {
    const { player } = this.#headset;
    const { fps, p50Ms } = player.figures();
    const state = { open: "Live", stopped: "Stopped" }[player.link.state] ?? "Reconnecting";
    const figures = [`${fps.toFixed(0)} fps`, p50Ms === null ? null : `${p50Ms.toFixed(0)} ms old`];
    this.#write(paint, "stereocast", [40, 58], { size: 38, align: "left", weight: 650 });
    const words = [state, ...figures].filter(Boolean).join("  ·  ");
    this.#write(paint, words, [WIDTH_PX - 40, 58], { size: 32, align: "right", colour: COLOURS.soft });
  }

  #paintButton(paint, { x, y, width, height, label }) {
    paint.fillStyle = this.#hover === `${x} ${y}` ? COLOURS.hover : COLOURS.button;
    paint.beginPath();
    paint.roundRect(x, y, width, height, 26);
    paint.fill();
    const size = label.length === 1 ? 64 : 38;
    this.#write(paint, label, [x + width / 2, y + height / 2], { size, weight: 550 });
  }

  #write(paint, text, [x, y], { size, align = "center", colour = COLOURS.text, weight = 500 }) {
    paint.font = `${weight} ${size}px ${FONT}`;
    paint.fillStyle = colour;
    paint.textAlign = align;
    paint.textBaseline = "middle";
    paint.fillText(text, x, y);
  }

  #upload() {
    const { gl } = this.#headset.presenter;
    gl.bindTexture(gl.TEXTURE_2D, this.#texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, this.#canvas);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  }
}
