// The sound of the stream: switching it on and off, and keeping it in step with the pictures.
// Packets go from the worker (sound-feed.js) straight to the audio thread (sound-worklet.js); the
// page only says how much later than its capture sound is to be heard (sound-delay.js).

import { canDecodeOpus } from "./decoder-opus.js";
import { SOUND_RATE_HZ } from "./header.js";
import { OutputClock, Recent, ringDelay, skewMs, wantedDelayMs } from "./sound-delay.js";

const STEER_INTERVAL_MS = 100;
const FADE_MS = 40;
/** Sound waits for its pictures longer than this anyway; a shorter buffer would only break off. */
const LATENCY_S = 0.06;
/** An output that has just begun to run may tell of the time before it stood still. */
const STALE_MS = 500;
const nowMs = () => performance.timeOrigin + performance.now();

/** Return why this browser cannot play the sound of any stream, or "". */
export function inability(scope = globalThis) {
  if (!canDecodeOpus() || !scope.AudioContext || !scope.AudioWorkletNode) {
    return "This browser plays the pictures without sound: it has no AudioDecoder or AudioWorklet.";
  }
  return "";
}

/**
 * Sound of one player. Tells "change" when `state` changes:
 *
 * none     the stream has no sound
 * unable   this browser cannot play it
 * off      the viewer wants none
 * waiting  it is wanted, or nobody has said; browsers let it begin with a click or a key only
 * on       it plays
 */
export class Sound extends EventTarget {
  #context = null;
  #node = null;
  #clock = new OutputClock();
  #pictures = new Recent();
  #heard = null;
  #taps = new Set();
  #isPlaying = false;
  #isBuilding = false;
  #failure = inability();
  state = "none";

  constructor({ player, settings }) {
    super();
    this.player = player;
    this.settings = settings;
    player.addEventListener("stream", () => this.#update());
    player.addEventListener("playback", () => this.#node?.port.postMessage({ hold: true }));
    player.addEventListener("shown", ({ detail: { captureMs, shownMs } }) =>
      this.#pictures.add(shownMs, shownMs - captureMs));
    settings.addEventListener("change", ({ name }) => this.#settingChanged(name));
    setInterval(() => this.#steer(), STEER_INTERVAL_MS);
    for (const gesture of ["click", "keydown"]) {
      // After the controls have heard it: a press on the button itself is not one more wish.
      window.addEventListener(gesture, () => this.#gesture());
    }
  }

  /** Return one line on why there is no sound, or "" where that is the viewer's own choice. */
  get reason() {
    return { none: "This stream has no sound.", unable: this.#failure }[this.state] ?? "";
  }

  /** Switch on or off; call it from a click or a key. */
  toggle() {
    if (this.state === "none" || this.state === "unable") return;
    this.settings.set("sound", this.state === "on" ? "off" : "on");
    this.#update();
  }

  /** Switch on unless the viewer has switched it off; call it from a click or a key. */
  invite() {
    if (this.settings.get("sound") === "unset") this.settings.set("sound", "on");
  }

  /** Sum up for the overlay and for tests; null while nothing plays. */
  figures() {
    if (this.state !== "on") return null;
    const heard = this.#heard;
    return {
      skewMs: skewMs(heard, this.#moment()),
      bufferedMs: heard?.waiting === undefined ? 0 : (heard.waiting * 1000) / SOUND_RATE_HZ,
      lost: this.player.health?.sound?.lost ?? 0,
      late: heard?.late ?? 0,
      jumps: heard?.jumps ?? 0,
    };
  }

  /** Call listener({samples, heardMs, rateHz}) with what is played, left; returns how to stop. */
  onSamples(listener) {
    this.#taps.add(listener);
    this.#node?.port.postMessage({ taps: true });
    return () => this.#taps.delete(listener);
  }

  #moment() {
    const rateHz = this.#context.sampleRate;
    return { zeroMs: this.#clock.zeroMs(), pictureMs: this.#pictures.percentile(0.5), rateHz };
  }

  #gesture() {
    if (this.state === "waiting" && this.settings.get("sound") === "on") this.#update();
  }

  #settingChanged(name) {
    if (name === "sound") this.#update();
    if (name === "volume") this.#sendVolume();
  }

  /** Bring everything into line with the wish, the stream, and what the browser allows. */
  #update() {
    const { stream } = this.player;
    const wish = this.settings.get("sound");
    const canPlay = stream?.hasSound === true && !this.#failure;
    const isActive = navigator.userActivation?.hasBeenActive ?? true;
    if (canPlay && wish === "on" && isActive) this.#run();
    else this.#rest();
    const runs = this.#node !== null && this.#context.state === "running";
    if (!stream?.hasSound) this.#become("none");
    else if (this.#failure) this.#become("unable");
    else if (wish === "off") this.#become("off");
    else this.#become(runs && wish === "on" ? "on" : "waiting");
  }

  #become(state) {
    const isOn = state === "on";
    if (isOn !== this.#isPlaying) {
      this.#isPlaying = isOn;
      this.#clock.clear();
      this.player.listenTo(isOn, null);
    }
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  /** Let the output run; the first time it is built. Must begin within the viewer's gesture. */
  #run() {
    if (!this.#context) {
      this.#context = new AudioContext({ sampleRate: SOUND_RATE_HZ, latencyHint: LATENCY_S });
      this.#context.onstatechange = () => this.#update();
    }
    if (this.#context.state !== "running") {
      this.#context.resume().catch((error) => this.#fail(error));
    }
    this.#sendVolume();
    if (!this.#node && !this.#isBuilding) {
      this.#isBuilding = true;
      this.#build().catch((error) => this.#fail(error));
    }
  }

  /** Fade out, then let the output rest. */
  #rest() {
    if (this.#context?.state !== "running") return;
    this.#node?.port.postMessage({ volume: 0 });
    setTimeout(() => {
      if (this.state !== "on") this.#context.suspend().catch((error) => this.#fail(error));
    }, FADE_MS);
  }

  async #build() {
    const context = this.#context;
    await context.audioWorklet.addModule(new URL("./sound-worklet.js", import.meta.url));
    const options = { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2] };
    const node = new AudioWorkletNode(context, "stereocast-sound", options);
    node.port.onmessage = ({ data }) => this.#hear(data);
    node.onprocessorerror = () => this.#fail(new Error("the audio thread broke off"));
    node.connect(context.destination);
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ feed: port2, ...(this.#taps.size ? { taps: true } : {}) }, [port2]);
    this.player.listenTo(false, port1);
    this.#node = node;
    this.#sendVolume();
    this.#update();
  }

  #fail(error) {
    this.#failure = `The sound did not start: ${error.message}`;
    this.#update();
  }

  #sendVolume() {
    // Loudness is felt by ratios: half of the way is a quarter of the power.
    this.#node?.port.postMessage({ volume: this.settings.get("volume") ** 2 });
  }

  #hear({ state, tap }) {
    if (state) this.#heard = state;
    const zeroMs = this.#clock.zeroMs();
    if (!tap || zeroMs === null) return;
    const rateHz = this.#context.sampleRate;
    const heardMs = zeroMs + (tap.frame * 1000) / rateHz;
    for (const listener of this.#taps) listener({ samples: tap.samples, heardMs, rateHz });
  }

  #steer() {
    if (this.state !== "on") return;
    const { contextTime, performanceTime } = this.#context.getOutputTimestamp();
    if (contextTime > 0 && Math.abs(performance.now() - performanceTime) < STALE_MS) {
      this.#clock.add(contextTime, performance.timeOrigin + performanceTime);
    }
    const { zeroMs, pictureMs } = this.#moment();
    if (zeroMs === null) return;
    const outputMs = zeroMs + this.#context.currentTime * 1000 - nowMs();
    const readyMs = this.player.health?.sound?.readyMs ?? null;
    const delayMs = wantedDelayMs({ pictureMs, readyMs, outputMs });
    if (delayMs !== null) this.#node.port.postMessage({ delay: ringDelay(delayMs, zeroMs) });
  }
}
