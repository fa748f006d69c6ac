// Samples that wait, and the reading of them at the pace at which they are due. Pure: it is told
// which frame of the output is asked for. The worklet around it is sound-worklet.js.

export const CAPACITY = 1 << 18; // five and a half seconds
export const MAX_SLEW = 0.01;
/** A distance is closed within about this many samples, if the pitch may change that much. */
const CLOSING_SAMPLES = 96_000;
/** Farther off than this is not slewed but jumped. */
export const JUMP_SAMPLES = 24_000;
/** So far off everybody notices; slewed, it would stay so for ten seconds and more. */
export const APART_SAMPLES = 4800;
const APART_FOR_SAMPLES = 96_000;
const FADE_SAMPLES = 480; // of the whole sound, where it jumps
const EDGE_SAMPLES = 120; // of what lies beside a hole

/**
 * Two channels at 48 kHz, read with linear interpolation.
 *
 * Frame f of the output should be the sample at f · ratio − line − delay: `line` comes with the
 * samples, `delay` from who knows the clocks. Holes are silence.
 */
export class SoundRing {
  #channels = [new Float32Array(CAPACITY), new Float32Array(CAPACITY)];
  #ratio;
  #place = null; // of the next sample that is read
  #end = null; // behind the last sample that was written
  #line = 0;
  #delay = null;
  #fade = 0;
  #apart = 0;
  #volume = 1;
  #isJumping = false;
  #isHeld = false;
  volume = 1;
  late = 0;
  jumps = 0;

  /** ratio: samples of sound per frame of the output, 1 where that has 48 kHz, too. */
  constructor(ratio = 1) {
    this.#ratio = ratio;
  }

  set delay(samples) {
    this.#delay = samples;
  }

  /** Take samples for a place on the line; what comes too late is cut off and counted. */
  write({ place, line, isNew, channels }) {
    if (this.#isHeld && !isNew) return;
    this.#isHeld = false;
    this.#line = line;
    const reading = this.#place === null ? place : Math.floor(this.#place);
    const cut = Math.max(0, reading - place);
    const length = channels[0].length;
    if (cut > 0) this.late += 1;
    if (cut >= length) return;
    const [from, to] = [place + cut, place + length];
    if (to - reading > CAPACITY || (this.#end !== null && to - this.#end > CAPACITY)) this.#wipe();
    this.#join(from);
    for (const [index, ring] of this.#channels.entries()) {
      const samples = channels[index] ?? channels[0];
      for (let at = from; at < to; at += 1) ring[at % CAPACITY] = samples[at - place];
    }
    if (from !== this.#end) this.#ramp(from, Math.min(to, from + EDGE_SAMPLES), 0, 1);
    this.#end = to;
  }

  /** Fall silent until an epoch begins: what is held belongs to a place that was left. */
  hold() {
    this.#isHeld = true;
  }

  /** Forget everything at once. */
  reset() {
    this.#wipe();
    this.#place = null;
    this.#isHeld = this.#isJumping = false;
    this.#fade = 0;
  }

  /** Fill the next frames of the output, the first of which is `frame`. */
  read(frame, left, right) {
    if (this.#delay === null || this.#end === null) return;
    const wantedAt = (index) => (frame + index) * this.#ratio - this.#line - this.#delay;
    this.#place ??= wantedAt(0);
    let begin = Math.floor(this.#place);
    const error = wantedAt(0) - this.#place;
    this.#apart = Math.abs(error) > APART_SAMPLES ? this.#apart + left.length * this.#ratio : 0;
    if (Math.abs(error) > JUMP_SAMPLES || this.#apart > APART_FOR_SAMPLES) this.#isJumping = true;
    const slew = Math.min(MAX_SLEW, Math.max(-MAX_SLEW, error / CLOSING_SAMPLES));
    const step = this.#ratio * (1 + slew);
    for (let index = 0; index < left.length; index += 1) {
      if (this.#isJumping && this.#fade === 0) begin = this.#jump(begin, wantedAt(index));
      const gain = this.#gain();
      left[index] = gain * this.#sample(this.#channels[0]);
      right[index] = gain * this.#sample(this.#channels[1]);
      this.#place += step;
    }
    this.#clear(begin, Math.min(Math.floor(this.#place), this.#end));
    if (this.#isHeld && this.#fade === 0) {
      this.#wipe();
      this.#place = null;
    }
  }

  /** Say what is read next, and how much waits: {place, line, waiting}, samples; null: nothing. */
  state() {
    if (this.#place === null || this.#end === null) return null;
    return { place: this.#place, line: this.#line, waiting: Math.max(0, this.#end - this.#place) };
  }

  #gain() {
    const isLeaving = this.#isJumping || this.#isHeld;
    this.#fade = approach(this.#fade, isLeaving ? 0 : 1);
    this.#volume = approach(this.#volume, this.volume);
    const untilEnd = (this.#end - this.#place) / EDGE_SAMPLES;
    return this.#fade * this.#volume * Math.min(1, Math.max(0, untilEnd));
  }

  #sample(ring) {
    const whole = Math.floor(this.#place);
    const part = this.#place - whole;
    const [here, next] = [modulo(whole), modulo(whole + 1)];
    return ring[here] + part * (ring[next] - ring[here]);
  }

  /** Go on elsewhere; `begin` is where reading began last. Returns where it begins now. */
  #jump(begin, place) {
    const [before, after] = [Math.floor(this.#place), Math.floor(place)];
    this.#clear(begin, Math.min(Math.max(before, after), this.#end));
    // A jump back leads through what was heard and is gone, to what has not been heard yet.
    if (after < before) this.#ramp(before, Math.min(before + EDGE_SAMPLES, this.#end), 0, 1);
    this.#place = place;
    this.#isJumping = false;
    this.#apart = 0;
    this.jumps += 1;
    return after;
  }

  /** Let what was written before end softly where something begins that does not follow it. */
  #join(from) {
    if (this.#end === null || from === this.#end) return;
    const edge = Math.min(from, this.#end);
    const reading = this.#place === null ? -Infinity : Math.ceil(this.#place);
    this.#ramp(Math.max(reading, edge - EDGE_SAMPLES), edge, 1, 0);
    this.#clear(edge, Math.max(from, this.#end));
  }

  #ramp(from, to, before, after) {
    for (let at = from; at < to; at += 1) {
      const gain = before + ((after - before) * (at - from)) / (to - from);
      for (const ring of this.#channels) ring[modulo(at)] *= gain;
    }
  }

  #clear(from, to) {
    const first = Math.max(from, to - CAPACITY);
    for (let at = first; at < to; at += 1) for (const ring of this.#channels) ring[modulo(at)] = 0;
  }

  #wipe() {
    for (const ring of this.#channels) ring.fill(0);
    this.#end = null;
  }
}

function approach(value, target) {
  const step = 1 / FADE_SAMPLES;
  return value < target ? Math.min(target, value + step) : Math.max(target, value - step);
}

/** Return an index of the ring, also for places before the engine's zero. */
function modulo(place) {
  return ((place % CAPACITY) + CAPACITY) % CAPACITY;
}
