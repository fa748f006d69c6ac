// Packets of sound onto one line of samples at 48 kHz, in step with when pictures are captured.
// Pure: headers in, places out. What is played when is sound-ring.js.

import { SOUND_RATE_HZ } from "./header.js";
import { percentile } from "./stats.js";

const SAMPLES_PER_MS = SOUND_RATE_HZ / 1000;
/** Times of containers are rounded; packets that follow each other closer than this touch. */
const TOUCH_SAMPLES = 10 * SAMPLES_PER_MS;
const REMEMBERED = 64;

/**
 * Gives each packet its place.
 *
 * Within an epoch places follow the source's times, so that a missing packet is a hole and never a
 * shift. How far the engine's clock has moved away from the source's is told beside it (`line`):
 * a place is captured (place + line) / 48 milliseconds after the engine's zero.
 */
export class SoundLine {
  #epoch = null;
  #base = 0;
  #end = 0;
  #offsets = [];

  /** Place a packet; returns {place, line, isNew} in samples, isNew where an epoch begins. */
  take({ epoch, srcPtsMs, captureMs, samples, preSkip }) {
    const isNew = epoch !== this.#epoch;
    const source = srcPtsMs * SAMPLES_PER_MS;
    const captured = captureMs * SAMPLES_PER_MS;
    if (isNew) {
      this.#epoch = epoch;
      this.#end = Math.round(captured);
      this.#base = this.#end - source;
      this.#offsets = [];
    }
    const wanted = source + this.#base;
    const place = Math.abs(wanted - this.#end) <= TOUCH_SAMPLES ? this.#end : Math.round(wanted);
    this.#end = place + samples - preSkip;
    this.#offsets.push(captured - place);
    if (this.#offsets.length > REMEMBERED) this.#offsets.shift();
    return { place, line: percentile(this.#offsets, 0.5), isNew };
  }

  /** Forget the epoch: the next packet begins one. */
  reset() {
    this.#epoch = null;
  }
}
