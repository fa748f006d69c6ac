// When sound is to be heard: as long after its capture as pictures are seen after theirs.
// Pure: times in milliseconds, given from outside. Nothing is played here.
//
// "Shown less captured" takes one from this browser's clock and the other from the engine's. The
// difference between the clocks is in it for pictures and sound alike, so nobody has to know it.

import { SOUND_RATE_HZ } from "./header.js";
import { percentile } from "./stats.js";

const SPAN_MS = 5000;
const CLOCK_SAMPLES = 15;
/** For the way from the decoder to the audio thread, and its scheduling on a busy device. */
export const MARGIN_MS = 40;
const SAMPLES_PER_MS = SOUND_RATE_HZ / 1000;

/** Values of the last seconds; of the last ones that there were, when none came since. */
export class Recent {
  #values = [];

  add(atMs, value) {
    this.#values.push([atMs, value]);
    while (this.#values[0][0] < atMs - SPAN_MS) this.#values.shift();
  }

  clear() {
    this.#values = [];
  }

  /** Return the share-th percentile, or null of none. */
  percentile(share) {
    return percentile(this.#values.map(([, value]) => value), share);
  }
}

/** At which moment of this browser's clock a moment of the audio output is heard. */
export class OutputClock {
  #offsets = [];

  /** Note that what the output has at contextS seconds is heard at heardMs. */
  add(contextS, heardMs) {
    this.#offsets.push(heardMs - contextS * 1000);
    if (this.#offsets.length > CLOCK_SAMPLES) this.#offsets.shift();
  }

  /** Forget it all: the output stood still. */
  clear() {
    this.#offsets = [];
  }

  /** Return when second 0 of the output would have been heard; null while unknown. */
  zeroMs() {
    return percentile(this.#offsets, 0.5);
  }
}

/**
 * Return how long after its capture sound is to be heard, or null.
 *
 * pictureMs: shown less captured, of pictures. readyMs: decoded less captured, of late sound.
 * outputMs: what the output takes from the audio thread to the ear. Any may be null.
 */
export function wantedDelayMs({ pictureMs, readyMs, outputMs }) {
  const soonestMs = readyMs === null ? null : readyMs + (outputMs ?? 0) + MARGIN_MS;
  if (pictureMs === null) return soonestMs;
  return soonestMs === null ? pictureMs : Math.max(pictureMs, soonestMs);
}

/** Return the `delay` of SoundRing that makes sound heard delayMs after its capture. */
export function ringDelay(delayMs, zeroMs) {
  return (delayMs - zeroMs) * SAMPLES_PER_MS;
}

/**
 * Return how much later than its picture sound is heard, or null; negative is earlier.
 *
 * state is what the worklet says: {frame, place, line}, frames of an output of rateHz.
 */
export function skewMs(state, { zeroMs, pictureMs, rateHz }) {
  if (state?.place === undefined || zeroMs === null || pictureMs === null) return null;
  const heardMs = zeroMs + (state.frame * 1000) / rateHz;
  return heardMs - (state.place + state.line) / SAMPLES_PER_MS - pictureMs;
}
