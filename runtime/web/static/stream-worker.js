// The worker: it owns the connection, the clock, the credits and the decoder, so that a busy page
// never delays a ping or a picture. The page gets decoded pictures and says what became of them.
// It is started, with a connection that is being opened, by worker-start.js.
//
// To the page: link, stream, picture, depth, notice, health, problem.
// From the page: shown, passed, say, sound, retry, stop.

import { OffsetEstimator } from "./clock.js";
import { CreditWindow, wantedCredit } from "./credit.js";
import { H264Decoder } from "./decoder-h264.js";
import { JpegDecoder } from "./decoder-jpeg.js";
import { HeaderError, kindOf, parseDepth, parseFrame, parseSound } from "./header.js";
import { MessageError, readMessage, say } from "./messages.js";
import { SoundFeed } from "./sound-feed.js";
import { Sync } from "./sync.js";

const PING_INTERVAL_MS = 500;
const PING_BURST = 8;
const HEALTH_INTERVAL_MS = 250;
const GAP_LIMIT = 10_000;

/** Return this browser's time in milliseconds, comparable between page and worker. */
const nowMs = () => performance.timeOrigin + performance.now();

export class StreamWorker {
  #connection;
  #clock = new OffsetEstimator();
  #credit = new CreditWindow();
  #sync = new Sync();
  #decoder = null;
  #sound = null;
  #stream = null;
  #info = null;
  #session = null;
  #lastSeq = null;
  #lastSaid = new Map();
  #drops = { source: 0, sync: 0, decode: 0 };

  constructor(connection) {
    this.#connection = connection;
    connection.listener = {
      onLink: (link) => this.#link(link),
      onText: (text) => this.#guard(() => this.#text(text)),
      onBinary: (buffer) => this.#guard(() => this.#binary(buffer)),
    };
    setInterval(() => this.#ping(), PING_INTERVAL_MS);
    setInterval(() => this.#health(), HEALTH_INTERVAL_MS);
  }

  /** Do what the page asks for. */
  obey(order) {
    if (order.kind === "shown") this.#settle([order.seq], order.ageMs);
    else if (order.kind === "passed") this.#settle([order.seq], null);
    else if (order.kind === "say") this.#say(order.message);
    else if (order.kind === "sound") this.#listen(order);
    else if (order.kind === "retry") this.#connection.start();
    else if (order.kind === "stop") this.#connection.stop(order.text);
  }

  /** Take sound through `port` to the audio thread from now on, or none any more. */
  #listen({ on, port }) {
    if (port) {
      this.#sound?.close();
      this.#sound = new SoundFeed(port);
    }
    this.#sound?.reset();
    this.#say(say.sound(on));
  }

  #link(link) {
    if (link.state !== "open") {
      this.#decoder?.close();
      this.#sync.lose();
      this.#info = null;
    }
    postMessage({ kind: "link", ...link });
  }

  /** A broken message costs itself, not the page: it is counted and told. */
  #guard(work) {
    try {
      work();
    } catch (error) {
      if (!(error instanceof HeaderError || error instanceof MessageError)) throw error;
      postMessage({ kind: "notice", level: "warning", code: "damaged", text: error.message });
    }
  }

  #text(text) {
    const message = readMessage(text);
    if (!message) return;
    if (message.t === "welcome" || message.t === "reconfig") this.#welcome(message);
    else if (message.t === "info") this.#info = message;
    else if (message.t === "notice") postMessage({ ...message, kind: "notice" });
    else if (message.t === "pong") {
      const { t1Ms, t2Ms, t3Ms, errorMs } = message;
      this.#clock.add(t1Ms, t2Ms, t3Ms, nowMs(), errorMs);
    } else if (message.t === "end") {
      if (message.again) this.#connection.restart(message.text);
      else this.#connection.stop(message.text);
    }
  }

  #welcome(stream) {
    const isNew = stream.t === "welcome";
    if (isNew) {
      this.#connection.welcomed();
      this.#credit.reset();
      this.#lastSaid.forEach((message) => this.#connection.send(message));
    }
    if (isNew) this.#sound?.reset();
    if (isNew && stream.session !== this.#session) this.#clock.reset();
    this.#session = stream.session;
    const passed = this.#decoder?.close() ?? [];
    if (!isNew) this.#settle(passed, null);
    this.#sync.lose();
    this.#lastSeq = null;
    this.#stream = stream;
    this.#decoder = this.#build(stream.codec);
    postMessage({ kind: "stream", stream });
    for (let count = 0; isNew && count < PING_BURST; count += 1) this.#ping();
  }

  #build(codec) {
    if (codec === "mjpeg") {
      return new JpegDecoder({
        onPicture: (picture, tag) => this.#picture(picture, tag),
        onSpoiled: (_text, tag) => this.#spoil("decode", [tag.seq]),
      });
    }
    if (typeof VideoDecoder === "undefined") {
      postMessage({ kind: "problem", code: "webcodecs" });
      this.#connection.stop("This browser cannot decode the stream.");
      return null;
    }
    return new H264Decoder({
      onPicture: (picture, tag) => this.#picture(picture, tag),
      onPassed: (tags) => this.#settle(tags.map((tag) => tag.seq), null),
      onLost: (cause, text, tags) => this.#lost(cause, text, tags),
    });
  }

  #binary(buffer) {
    const kind = kindOf(buffer);
    if (kind === "depth") {
      const depth = parseDepth(buffer);
      const values = depth.values.slice();
      postMessage({ kind: "depth", ...depth, values }, [values.buffer]);
    } else if (kind === "frame") {
      this.#frame(parseFrame(buffer));
    } else if (kind === "sound") {
      this.#sound?.take(parseSound(buffer));
    } else {
      throw new HeaderError("a binary message is neither a picture nor sound nor a depth map");
    }
  }

  #frame(frame) {
    const receivedMs = nowMs();
    if (!this.#decoder) return;
    this.#credit.take();
    if (this.#lastSeq !== null && frame.seq > this.#lastSeq && !frame.isDiscontinuity) {
      this.#drops.source += Math.min(GAP_LIMIT, frame.seq - this.#lastSeq - 1);
    }
    this.#lastSeq = frame.seq;
    const lastGood = this.#sync.lastSeq;
    const isChained = frame.codec === "h264";
    if (isChained && !this.#sync.accept(frame)) {
      this.#spoil("sync", [frame.seq]);
      this.#askForKey("chain", lastGood);
      return;
    }
    const info = this.#info?.seq === frame.seq ? this.#info : null;
    const { payload, ...header } = frame;
    const tag = { ...header, receivedMs, stamps: info?.stamps ?? {}, facts: info?.facts ?? {} };
    this.#decoder.decode(frame, tag);
  }

  #picture(picture, tag) {
    const clock = this.#clock.estimate();
    const about = { ...tag, decodedMs: nowMs(), clock };
    postMessage({ kind: "picture", picture, about }, [picture]);
  }

  #lost(cause, text, tags) {
    const lastGood = this.#sync.lastSeq;
    this.#sync.lose();
    this.#spoil("decode", tags.map((tag) => tag.seq));
    if (cause === "unsupported") {
      postMessage({ kind: "problem", code: "codec", text });
      this.#connection.stop(text);
    } else {
      this.#askForKey(text, lastGood);
    }
  }

  #spoil(cause, seqs) {
    this.#drops[cause] += seqs.length;
    this.#settle(seqs, null);
  }

  #askForKey(reason, lastGood) {
    if (this.#sync.keyDue(performance.now())) this.#connection.send(say.key(reason, lastGood));
  }

  #settle(seqs, ageMs) {
    const n = this.#credit.settle(seqs.length);
    const queue = this.#decoder?.queue ?? 0;
    if (n > 0) this.#connection.send(say.credit(n, seqs.at(-1), ageMs, queue));
  }

  /** Say something for the page; wishes that a new connection must hear again are remembered. */
  #say(message) {
    if (["depth", "sound"].includes(message.t)) this.#lastSaid.set(message.t, message);
    this.#connection.send(message);
  }

  #ping() {
    if (!this.#stream) return;
    this.#connection.send(say.ping(nowMs()));
    const wanted = wantedCredit(this.#clock.roundTripMs(), this.#stream.fps);
    const n = this.#credit.resize(wanted);
    if (n > 0) this.#connection.send(say.credit(n, this.#lastSeq, null, this.#decoder?.queue ?? 0));
    if (this.#decoder && this.#lastSeq !== null && this.#stream.codec === "h264") {
      this.#askForKey("waiting", null);
    }
  }

  #health() {
    postMessage({
      kind: "health",
      drops: this.#drops,
      queue: this.#decoder?.queue ?? 0,
      codec: this.#decoder?.codec ?? null,
      declaredCodec: this.#stream?.codecString ?? null,
      hardware: this.#decoder?.hardware ?? null,
      clock: this.#clock.estimate(),
      roundTripMs: this.#clock.roundTripMs(),
      sound: this.#sound?.health() ?? null,
    });
  }
}
