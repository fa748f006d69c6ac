// Controllers and hands: rays, presses, thumbsticks. Any trigger or pinch works, tracked or not.

import { multiply, scaling } from "./space.js";

const RAY_WIDTH_M = 0.006;
const IDLE_RAY_M = 0.6;
const DEAD_ZONE = 0.25;
/** A thumbstick pushed all the way moves the screen by this many steps of its setting a second. */
const STEPS_PER_S = 14;
const DISC_RADIUS_M = 0.012;

function rayVertices() {
  const half = RAY_WIDTH_M / 2;
  return new Float32Array([-half, 0, 0, 0, 0, half, 0, 0, 1, 0, -half, 0, -1, 0, 1, half, 0, -1, 1, 1]);
}

/** A disc as one strip: from side to side, from top to bottom. */
function discVertices() {
  const vertices = [];
  for (let step = 0; step <= 16; step += 1) {
    const angle = (step / 16) * Math.PI;
    const [x, y] = [DISC_RADIUS_M * Math.sin(angle), DISC_RADIUS_M * Math.cos(angle)];
    vertices.push(-x, y, 0, 0, 0, x, y, 0, 0, 0);
  }
  return new Float32Array(vertices);
}

export class Pointers {
  #session;
  #space;
  #panel;
  #headset;
  #rays = [];
  #ray;
  #disc;
  #beforeMs = null;

  constructor({ session, space, panel, headset }) {
    this.#session = session;
    this.#space = space;
    this.#panel = panel;
    this.#headset = headset;
    this.#ray = headset.presenter.buildMesh(rayVertices());
    this.#disc = headset.presenter.buildMesh(discVertices());
    session.addEventListener("select", (event) => this.#select(event));
    session.addEventListener("squeeze", () => panel.toggle());
  }

  /** Follow the controllers in this frame. */
  update(frame) {
    const now = performance.now();
    const elapsedS = Math.min(0.1, (now - (this.#beforeMs ?? now)) / 1000);
    this.#beforeMs = now;
    this.#rays = [];
    let hover = null;
    for (const source of this.#session.inputSources) {
      this.#steer(source.gamepad, elapsedS);
      const ray = this.#rayOf(frame, source);
      if (!ray || source.targetRayMode === "gaze") continue;
      const hit = this.#panel.hit(ray);
      this.#rays.push({ ray, hit });
      hover ??= hit;
    }
    this.#panel.hover(hover);
  }

  /** Draw rays while the panel is shown; a screen alone is not disturbed by them. */
  draw(presenter, toClip) {
    if (!this.#panel.isShown) return;
    for (const { ray, hit } of this.#rays) {
      const lengthM = hit?.distanceM ?? IDLE_RAY_M;
      const matrix = multiply(toClip, multiply(ray, scaling(1, 1, lengthM)));
      presenter.drawPlain(this.#ray, matrix, [0.75, 0.82, 1, hit ? 0.8 : 0.35]);
      if (hit) presenter.drawPlain(this.#disc, multiply(toClip, this.#panel.spot(hit)), [1, 1, 1, 1]);
    }
  }

  /** Free what the GPU holds. */
  close() {
    this.#headset.presenter.freeMesh(this.#ray);
    this.#headset.presenter.freeMesh(this.#disc);
  }

  #rayOf(frame, source) {
    return frame.getPose(source.targetRaySpace, this.#space)?.transform.matrix ?? null;
  }

  #select({ frame, inputSource }) {
    const ray = this.#rayOf(frame, inputSource);
    const hit = ray && this.#panel.hit(ray);
    if (hit) this.#panel.press(hit);
    else this.#panel.toggle();
  }

  #steer(gamepad, elapsedS) {
    if (!gamepad || gamepad.axes.length < 4) return;
    const [x, y] = [gamepad.axes[2], gamepad.axes[3]];
    const { settings } = this.#headset;
    if (Math.abs(x) > DEAD_ZONE) settings.nudge("widthM", x * STEPS_PER_S * elapsedS);
    if (Math.abs(y) > DEAD_ZONE) settings.nudge("distanceM", -y * STEPS_PER_S * elapsedS);
  }
}
