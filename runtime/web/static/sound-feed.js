// Sound in the worker: packets in, decoded samples to the audio thread, without the page's help.

import { OpusDecoder } from "./decoder-opus.js";
import { SoundLine } from "./sound-line.js";
import { Recent } from "./sound-delay.js";

/** A stall shorter than a quarter of the last seconds costs a hole, not the step with the pictures. */
const USUAL = 0.75;
const nowMs = () => performance.timeOrigin + performance.now();

export class SoundFeed {
  #port;
  #line = new SoundLine();
  #decoder;
  #ready = new Recent();
  #lastSeq = null;
  #lost = 0;

  /** Send samples through a MessagePort to the worklet. */
  constructor(port) {
    this.#port = port;
    this.#decoder = new OpusDecoder({
      onSamples: (channels, tag) => this.#send(channels, tag),
      onLost: (packets) => (this.#lost += packets),
    });
  }

  /** Take a packet. */
  take(sound) {
    if (this.#lastSeq !== null && sound.seq > this.#lastSeq) this.#lost += sound.seq - this.#lastSeq - 1;
    this.#lastSeq = sound.seq;
    const { captureMs, preSkip } = sound;
    this.#decoder.decode(sound, { ...this.#line.take(sound), captureMs, preSkip });
  }

  /** Begin anew: another engine, or a gap in the connection. */
  reset() {
    this.#decoder.close();
    this.#line.reset();
    this.#ready.clear();
    this.#lastSeq = null;
    this.#port.postMessage({ reset: true });
  }

  /** End it. */
  close() {
    this.#decoder.close();
    this.#port.close();
  }

  /** Say how late samples are ready after their capture (this clock less the engine's), and losses. */
  health() {
    return { readyMs: this.#ready.percentile(USUAL), lost: this.#lost };
  }

  #send(channels, { place, line, isNew, captureMs }) {
    const now = nowMs();
    this.#ready.add(now, now - captureMs);
    this.#port.postMessage({ place, line, isNew, channels });
  }
}
