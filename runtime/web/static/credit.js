// How many pictures may be under way at once: enough to fill the line, never a queue.

export const FIRST_CREDIT = 2;
const MAX_CREDIT = 8;

/** Return the pictures that keep a line of this round trip busy: one per interval, and one. */
export function wantedCredit(roundTripMs, fps) {
  if (!(roundTripMs >= 0) || !(fps > 0)) return FIRST_CREDIT;
  const wanted = Math.ceil((roundTripMs / 1000) * fps) + 1;
  return Math.min(MAX_CREDIT, Math.max(FIRST_CREDIT, wanted));
}

/** Counts what the engine may still send, so that a grant is given back once for each picture. */
export class CreditWindow {
  #size = FIRST_CREDIT;
  #surplus = 0;
  underWay = 0;

  /** Begin anew: the gateway's HELLO has granted the first pictures. */
  reset() {
    this.#size = FIRST_CREDIT;
    this.#surplus = 0;
    this.underWay = 0;
  }

  /** Note a picture that came in. */
  take() {
    this.underWay += 1;
  }

  /** Return how many to grant now that `n` pictures are done with. */
  settle(n) {
    const done = Math.min(n, this.underWay);
    this.underWay -= done;
    const withheld = Math.min(done, this.#surplus);
    this.#surplus -= withheld;
    return done - withheld;
  }

  /** Change the window; return how many to grant at once (shrinking withholds later grants). */
  resize(size) {
    const growth = size - this.#size;
    this.#size = size;
    const granted = Math.max(0, growth - this.#surplus);
    this.#surplus = Math.max(0, this.#surplus - growth);
    return granted;
  }
}
