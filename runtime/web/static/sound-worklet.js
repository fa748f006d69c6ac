// The audio thread: samples from the worker into the ring, and from there into the loudspeakers.
// Runs in an AudioWorkletGlobalScope. From the page: {feed}, {delay}, {volume}, {hold}, {reset},
// {taps}; to the page: {state}, and {tap} while somebody listens in.

import { SOUND_RATE_HZ } from "./header.js";
import { SoundRing } from "./sound-ring.js";

const REPORT_FRAMES = sampleRate / 10;
const TAP_FRAMES = 1024;

class SoundProcessor extends AudioWorkletProcessor {
  #ring = new SoundRing(SOUND_RATE_HZ / sampleRate);
  #reported = 0;
  #tap = null;
  #tapped = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#obey(data);
  }

  process(_inputs, [[left, right]]) {
    this.#ring.read(currentFrame, left, right);
    const next = currentFrame + left.length;
    if (this.#tap) this.#listenIn(left);
    if (next - this.#reported >= REPORT_FRAMES) {
      this.#reported = next;
      const { late, jumps } = this.#ring;
      this.port.postMessage({ state: { frame: next, ...this.#ring.state(), late, jumps } });
    }
    return true;
  }

  #obey({ feed, delay, volume, hold, reset, taps }) {
    if (feed) feed.onmessage = ({ data }) => (data.reset ? this.#ring.reset() : this.#ring.write(data));
    if (delay !== undefined) this.#ring.delay = delay;
    if (volume !== undefined) this.#ring.volume = volume;
    if (hold) this.#ring.hold();
    if (reset) this.#ring.reset();
    if (taps) this.#tap = new Float32Array(TAP_FRAMES);
  }

  #listenIn(samples) {
    this.#tap.set(samples, this.#tapped);
    this.#tapped += samples.length;
    if (this.#tapped < TAP_FRAMES) return;
    const frame = currentFrame + samples.length - TAP_FRAMES;
    this.port.postMessage({ tap: { frame, samples: this.#tap.slice() } });
    this.#tapped = 0;
  }
}

registerProcessor("stereocast-sound", SoundProcessor);
