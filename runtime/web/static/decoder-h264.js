// H.264 access units to VideoFrames through WebCodecs, never more than a few under way.
// Decides nothing about the chain of pictures: it says when it lost the thread ("lost").

import { codecString } from "./sps.js";

/** More coded pictures waiting than this means that the device cannot keep up. */
export const MAX_QUEUE = 2;

export class H264Decoder {
  #decoder = null;
  #listener;
  #pending = new Map();
  #stampUs = 0;
  codec = null;
  hardware = null;

  /** listener.onPicture(VideoFrame, tag), listener.onLost(cause, text, tags of the lost). */
  constructor(listener) {
    this.#listener = listener;
  }

  get queue() {
    return this.#decoder?.decodeQueueSize ?? 0;
  }

  /** Decode one access unit; `tag` comes back with its picture. Key pictures may reconfigure. */
  decode(frame, tag) {
    if (frame.isKey && !this.#prepare(frame.payload, tag)) return;
    if (this.queue > MAX_QUEUE && !frame.isKey) {
      this.#listener.onLost("decode", "this device decodes too slowly", [tag]);
      return;
    }
    this.#stampUs = Math.max(this.#stampUs + 1, Math.round(performance.now() * 1000));
    this.#pending.set(this.#stampUs, tag);
    const chunk = new EncodedVideoChunk({
      type: frame.isKey ? "key" : "delta",
      timestamp: this.#stampUs,
      data: frame.payload,
    });
    try {
      this.#decoder.decode(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Throw away everything under way; the next picture must be a key picture. */
  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.codec = null;
    const tags = [...this.#pending.values()];
    this.#pending.clear();
    return tags;
  }

  #prepare(payload, tag) {
    const codec = codecString(payload);
    if (!codec) {
      const text = "a key picture came without its parameter set";
      this.#listener.onLost("decode", text, [tag]);
      return false;
    }
    if (this.#decoder?.state === "configured" && codec === this.codec) return true;
    const lost = this.close();
    if (lost.length) this.#listener.onPassed(lost);
    const decoder = new VideoDecoder({
      output: (picture) => this.#output(decoder, picture),
      error: (error) => decoder === this.#decoder && this.#fail(error),
    });
    this.#decoder = decoder;
    this.codec = codec;
    // Annex-B: the parameter sets stand in the stream, so there is no `description`.
    decoder.configure({ codec, optimizeForLatency: true });
    this.#askAboutHardware(codec);
    return true;
  }

  async #askAboutHardware(codec) {
    const hint = { codec, optimizeForLatency: true, hardwareAcceleration: "prefer-hardware" };
    try {
      const { supported } = await VideoDecoder.isConfigSupported(hint);
      this.hardware = supported === true;
    } catch (error) {
      this.hardware = null;
      console.warn("stereocast: the browser does not say how it decodes:", error.message);
    }
  }

  #output(decoder, picture) {
    const tag = this.#pending.get(picture.timestamp);
    if (decoder !== this.#decoder || tag === undefined) {
      picture.close();
      return;
    }
    this.#pending.delete(picture.timestamp);
    this.#listener.onPicture(picture, tag);
  }

  #fail(error) {
    const unsupported = error?.name === "NotSupportedError";
    const text = unsupported ? `this browser cannot decode ${this.codec}` : error.message;
    this.#listener.onLost(unsupported ? "unsupported" : "decode", text, this.close());
  }
}
