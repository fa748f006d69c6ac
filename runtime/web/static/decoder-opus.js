// Packets of Opus to samples through WebCodecs. Decides nothing about time.

import { SOUND_RATE_HZ } from "./header.js";

/** The shortest packet of Opus, microseconds: two outputs never lie closer. */
const SHORTEST_US = 2500;

/** Tell whether this browser can decode Opus at all. */
export function canDecodeOpus() {
  return typeof AudioDecoder !== "undefined" && typeof EncodedAudioChunk !== "undefined";
}

export class OpusDecoder {
  #decoder = null;
  #channels = 0;
  #pending = [];
  #stampUs = 0;
  #listener;

  /** listener.onSamples([left, right], tag); listener.onLost(packets) where some cannot be decoded. */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Decode a packet; `tag` comes back with its samples. */
  decode(sound, tag) {
    if (this.#decoder?.state !== "configured" || sound.channels !== this.#channels) this.#prepare(sound);
    // Every packet is as good as a key frame to the decoder; it only sounds rough for a moment.
    const chunk = { type: "key", timestamp: this.#stampUs, data: sound.payload };
    this.#pending.push({ stampUs: this.#stampUs, sound, tag });
    this.#stampUs += Math.round((sound.samples * 1e6) / SOUND_RATE_HZ);
    try {
      this.#decoder.decode(new EncodedAudioChunk(chunk));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Throw away everything under way. */
  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#pending = [];
  }

  #prepare({ channels }) {
    this.close();
    this.#channels = channels;
    const decoder = new AudioDecoder({
      output: (data) => this.#output(decoder, data),
      error: (error) => decoder === this.#decoder && this.#fail(error),
    });
    this.#decoder = decoder;
    decoder.configure({ codec: "opus", sampleRate: SOUND_RATE_HZ, numberOfChannels: channels });
  }

  #output(decoder, data) {
    try {
      if (decoder !== this.#decoder) return;
      const one = this.#match(data.timestamp);
      if (one) this.#listener.onSamples(samplesOf(data, one.sound), one.tag);
    } finally {
      data.close();
    }
  }

  /** Return what was asked for at this time; what came before it gave nothing. */
  #match(stampUs) {
    while (this.#pending.length && this.#pending[0].stampUs < stampUs - SHORTEST_US / 2) {
      this.#pending.shift();
      this.#listener.onLost(1);
    }
    return this.#pending.shift() ?? null;
  }

  #fail(error) {
    console.info("stereocast: sound was lost:", error.message);
    this.#listener.onLost(this.#pending.length);
    this.close();
  }
}

/** Return [left, right] without what only brings the decoder up to speed. */
function samplesOf(data, { samples, preSkip }) {
  const count = data.numberOfFrames;
  // A decoder that knows of the beginning throws it away by itself.
  const skip = Math.max(0, preSkip - (samples - count));
  const planes = Array.from({ length: Math.min(2, data.numberOfChannels) }, (_, planeIndex) => {
    const plane = new Float32Array(count);
    data.copyTo(plane, { planeIndex, format: "f32-planar" });
    return plane.subarray(skip);
  });
  return planes.length === 2 ? planes : [planes[0], planes[0]];
}
