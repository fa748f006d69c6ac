// The WebSocket to the gateway, and getting it back: backoff with jitter, a watch on silence.
// What is said over it is messages.js; what is done with pictures is decoder-worker.js.

export const SUBPROTOCOL = "scst.1";
const FIRST_WAIT_MS = 200;
/** A gateway that came back is found within two seconds, jitter included. */
const LONGEST_WAIT_MS = 1200;
/** Full house (1013), broken rules (1008, 1009): trying often would only make it worse. */
const REFUSED_WAIT_MS = 5000;
const REFUSALS = Object.freeze({
  1008: "The server refused this page. Reload it, or open the link from the terminal again.",
  1009: "The server refused a message of this page. Reload it.",
  1013: "All viewer places are taken. Trying again.",
});
const JITTER = 0.25;
const SILENCE_MS = 4000;
const JOIN_MS = 8000;

/** Return how long to wait before a try; attempt counts from 0, random is in [0, 1). */
export function waitMs(attempt, random, refused = false) {
  const base = refused ? REFUSED_WAIT_MS : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return base * (1 - JITTER + 2 * JITTER * random);
}

/**
 * Keeps one WebSocket open from `start` until `stop`.
 *
 * listener.onLink({state, attempt, waitMs, text, sinceMs}) hears of every change: "connecting", "open",
 * "waiting" or "stopped"; listener.onText and onBinary hear the messages.
 */
export class Connection {
  #url;
  #socket = null;
  #attempt = 0;
  #timer = null;
  #watch = null;
  #heardMs = 0;
  #hasJoined = false;
  listener = null;

  constructor(url) {
    this.#url = url;
  }

  /** Connect now, whatever was being waited for. */
  start() {
    this.#drop();
    this.#tell({ state: "connecting", attempt: this.#attempt });
    const socket = new WebSocket(this.#url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#hasJoined = false;
    this.#heardMs = performance.now();
    socket.onopen = () => this.#tell({ state: "open", attempt: this.#attempt });
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code, reason }) => this.#lost(REFUSALS[code] ?? reason, code in REFUSALS);
    this.#watch = setInterval(() => this.#checkSilence(), 500);
  }

  /** Say one message; false if nobody can hear it now. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Note that the stream answered: the next loss begins with the shortest wait again. */
  welcomed() {
    this.#attempt = 0;
    this.#hasJoined = true;
  }

  /** Give the socket up and try again after the usual wait, for the reason in `text`. */
  restart(text) {
    this.#lost(text, false);
  }

  /** Hang up for good, until `start`. */
  stop(text) {
    this.#drop();
    this.#attempt = 0;
    this.#tell({ state: "stopped", attempt: 0, text });
  }

  #hear(data) {
    this.#heardMs = performance.now();
    if (typeof data === "string") this.listener.onText(data);
    else this.listener.onBinary(data);
  }

  /** Tell of a change with its moment: the listener may hear of it later. */
  #tell(link) {
    this.listener.onLink({ ...link, sinceMs: performance.timeOrigin + performance.now() });
  }

  #checkSilence() {
    const silenceMs = performance.now() - this.#heardMs;
    if (silenceMs > (this.#hasJoined ? SILENCE_MS : JOIN_MS)) {
      this.#lost("The stream went silent.", false);
    }
  }

  #lost(text, refused) {
    this.#drop();
    const wait = waitMs(this.#attempt, Math.random(), refused);
    this.#attempt += 1;
    this.#tell({ state: "waiting", attempt: this.#attempt, waitMs: wait, text });
    this.#timer = setTimeout(() => this.start(), wait);
  }

  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
