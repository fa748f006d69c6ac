// The player: takes decoded pictures from the worker, shows the newest, says what became of them.
// The page's controls are in panel.js and shortcuts.js, the headset in headset.js, sound in sound.js.

import { oneWay } from "./clock.js";
import { say } from "./messages.js";
import { Statistics, stageTimes } from "./stats.js";

const WIGGLE_INTERVAL_MS = 125; // each eye four times a second
const REPORT_INTERVAL_MS = 1000;
const nowMs = () => performance.timeOrigin + performance.now();

/**
 * One stream on one canvas. Tells "link", "stream", "notice", "problem", "playback", "shown" as
 * events with a `detail`; figures are read with `figures()`.
 */
export class Player extends EventTarget {
  #worker;
  #statistics = new Statistics();
  #listeners = new Set();
  #wiggleEye = "left";
  #ageRefusal = null;
  #isDrawDue = false;
  #waiting = null;
  link = { state: "connecting", attempt: 0, sinceMs: nowMs() };
  stream = null;
  health = null;
  facts = {};
  last = null;
  isPaused = false;
  headset = null;

  constructor({ presenter, settings, worker }) {
    super();
    this.presenter = presenter;
    this.settings = settings;
    this.#worker = worker;
    settings.addEventListener("change", ({ name }) => this.#settingChanged(name));
    this.reducesMotion = matchMedia("(prefers-reduced-motion: reduce)");
    setInterval(() => this.#wiggle(), WIGGLE_INTERVAL_MS);
    setInterval(() => this.#report(), REPORT_INTERVAL_MS);
  }

  /** Take over what the worker has said so far, and listen from now on. */
  listen(heard) {
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#tell("problem", { code: "worker", text: event.message });
    for (const message of heard) this.#hear(message);
  }

  /** Say something to the gateway. */
  say(message) {
    this.#worker.postMessage({ kind: "say", message });
  }

  /** Have sound taken through a MessagePort to the audio thread (null: the one of before), or not. */
  listenTo(on, port) {
    this.#worker.postMessage({ kind: "sound", on, port }, port ? [port] : []);
  }

  /** Connect anew at once. */
  retry() {
    this.#worker.postMessage({ kind: "retry" });
  }

  /** Hold the source, or let it go on. */
  setPaused(paused) {
    this.isPaused = paused;
    this.say(say.pause(paused));
    this.#tell("playback", { paused });
  }

  /** Jump within a file source; seconds. */
  seek(seconds) {
    this.say(say.seek(Math.min(seconds, this.stream?.durationS ?? seconds)));
    this.#tell("playback", { paused: this.isPaused, isSought: true });
  }

  /** Show the other eye of a wiggle that does not move by itself. */
  flipWiggle() {
    this.#wiggleEye = this.#wiggleEye === "left" ? "right" : "left";
    this.redraw();
  }

  /**
   * Draw with the screen's next frame: not earlier, because it would not be seen earlier, and a slow
   * GPU would collect drawings that nobody counts. In the headset its own frames do this.
   */
  #requestDraw() {
    if (this.#isDrawDue || this.headset) return;
    this.#isDrawDue = true;
    requestAnimationFrame(() => {
      this.#isDrawDue = false;
      this.redraw();
    });
  }

  /** Draw the page's canvas at once, unless the headset has it. */
  redraw() {
    if (this.headset) return;
    this.takeNewest();
    const { canvas } = this.presenter;
    const views = this.presenter.drawFlat(this.settings.all(), this.#wiggleEye);
    this.countShown();
    this.notifyDrawn("page", views, canvas.height);
  }

  /** Call listener({seq, where, views, read}) after each drawing; returns how to stop that. */
  onDraw(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tell the listeners of a drawing while its framebuffer is still bound. */
  notifyDrawn(where, views, framebufferHeight) {
    const read = (x, y, width, height) =>
      this.presenter.read(x, y, width, height, framebufferHeight);
    for (const listener of this.#listeners) {
      listener({ seq: this.last?.seq ?? null, where, views, read });
    }
  }

  /** Sum up the last seconds for the overlay and the report. */
  figures() {
    const summary = this.#statistics.summary(nowMs());
    const drops = { ...(this.health?.drops ?? {}), late: this.#statistics.drops.late };
    const ageRefusal = summary.p50Ms === null ? this.#ageRefusal : null;
    return { ...summary, drops, ageRefusal, queue: this.health?.queue ?? 0 };
  }

  #hear(message) {
    if (message.kind === "picture") this.#show(message.picture, message.about);
    else if (message.kind === "depth") this.#showDepth(message);
    else if (message.kind === "health") this.health = message;
    else if (message.kind === "stream") this.#begin(message.stream);
    else if (message.kind === "link") {
      this.link = message;
      this.#tell("link", message);
    } else this.#tell(message.kind, message);
  }

  #begin(stream) {
    this.stream = stream;
    this.presenter.dropDepth();
    if (stream.t === "welcome") this.isPaused = false;
    this.say(say.depth(this.settings.get("view") === "depth"));
    this.#tell("stream", stream);
  }

  #show(picture, about) {
    this.facts = about.facts;
    if (this.#waiting) this.#passWaiting();
    this.#waiting = { picture, about };
    this.headset?.offer(picture);
    if (document.hidden && !this.headset) this.#passWaiting();
    else this.#requestDraw();
  }

  /** Put the picture that waits onto the GPU, if there is one: what is drawn next is the newest. */
  takeNewest() {
    if (!this.#waiting) return;
    const { picture, about } = this.#waiting;
    this.#waiting = null;
    try {
      this.presenter.setPicture(picture, about.layout);
    } finally {
      picture.close();
    }
    const isFirst = this.last === null;
    this.last = { ...about, shownMs: null, ageMs: null };
    if (isFirst) this.#tell("first", about);
  }

  #passWaiting() {
    this.#pass(this.#waiting);
    this.#waiting = null;
  }

  /** Count the newest picture as shown now, once, and give its credit back. */
  countShown() {
    const { last } = this;
    if (!last || last.shownMs !== null) return;
    last.shownMs = nowMs();
    const age = oneWay(last.clock, last.captureMs, last.shownMs);
    last.ageMs = age.ms;
    this.#ageRefusal = age.reason ?? null;
    this.#statistics.show(last.shownMs, age.ms, this.#stages(last));
    this.#worker.postMessage({ kind: "shown", seq: last.seq, ageMs: age.ms });
    this.#tell("shown", last);
  }

  /** Give back the credit of a picture that a newer one overtook, or that nobody could see. */
  #pass({ picture, about }) {
    picture.close();
    this.#statistics.drop("late");
    this.#worker.postMessage({ kind: "passed", seq: about.seq });
  }

  #stages(last) {
    const engine = stageTimes({ ...last.stamps, t7: last.sendMs });
    const network = oneWay(last.clock, last.sendMs, last.receivedMs);
    return [
      ...engine,
      ...(network.ms === null ? [] : [["network", network.ms]]),
      ["view decode", last.decodedMs - last.receivedMs],
      ["show", last.shownMs - last.decodedMs],
    ];
  }

  #showDepth(depth) {
    if (this.settings.get("view") !== "depth") return;
    this.presenter.setDepth(depth);
    this.#requestDraw();
  }

  #settingChanged(name) {
    if (name === "view") {
      const wantsDepth = this.settings.get("view") === "depth";
      if (!wantsDepth) this.presenter.dropDepth();
      this.say(say.depth(wantsDepth));
    }
    this.#requestDraw();
  }

  #wiggle() {
    if (this.settings.get("view") !== "wiggle" || this.reducesMotion.matches) return;
    if (!document.hidden) this.flipWiggle();
  }

  #report() {
    if (this.link.state !== "open" || !this.last) return;
    const { fps, p50Ms, p95Ms, queue, drops } = this.figures();
    const ages = p50Ms === null ? {} : { age_p50_ms: p50Ms, age_p95_ms: p95Ms };
    this.say({ t: "stats", fps, ...ages, decoder_queue: queue, drops });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
