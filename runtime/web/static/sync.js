// Which frames can be decoded: each one needs exactly the one that it depends on.
// A gap in seq is no loss: the engine skips pictures before it codes them. Times are milliseconds.

export const KEY_REQUEST_INTERVAL_MS = 500;

export class Sync {
  #epoch = null;
  #askedMs = null;
  lastSeq = null;

  /** Return whether to decode this frame; if so it counts as decoded. */
  accept(frame) {
    const follows =
      this.lastSeq !== null &&
      frame.dep > 0 &&
      frame.epoch === this.#epoch &&
      frame.seq - frame.dep === this.lastSeq;
    if (!frame.isKey && !follows) {
      this.lastSeq = null;
      return false;
    }
    this.lastSeq = frame.seq;
    this.#epoch = frame.epoch;
    this.#askedMs = null;
    return true;
  }

  /** Note that the chain is broken: only a key frame helps now. */
  lose() {
    this.lastSeq = null;
  }

  /** Return whether to ask for a key frame now; true counts as asked. */
  keyDue(nowMs) {
    if (this.lastSeq !== null) return false;
    if (this.#askedMs !== null && nowMs - this.#askedMs < KEY_REQUEST_INTERVAL_MS) return false;
    this.#askedMs = nowMs;
    return true;
  }
}
