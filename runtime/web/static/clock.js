// How far the engine's clock is ahead of this browser's, from pings and their answers.
// Pure: stamps in, milliseconds out; reads no clock itself. Times here are milliseconds.
// Source: Mills, RFC 5905 (NTP), §8 (offset and delay of an exchange), §10 (the shortest is best).

export const WINDOW = 64;
/** A one-way time is not worth telling if the clocks' error is a bigger share of it. */
export const MAX_ERROR_SHARE = 0.25;
/** What two quartz clocks may differ in rate; an exchange's error grows by this with its age. */
const DRIFT = 50e-6;

/**
 * Return how long something took from the engine to this browser, or why nobody can tell.
 *
 * sentMs is in the engine's clock, receivedMs in the browser's, estimate is {offsetMs, errorMs} or
 * null. Gives {ms, errorMs} or {ms: null, reason}.
 */
export function oneWay(estimate, sentMs, receivedMs) {
  if (!estimate) return { ms: null, reason: "the clocks are not compared yet" };
  const ms = receivedMs + estimate.offsetMs - sentMs;
  if (estimate.errorMs > MAX_ERROR_SHARE * ms) {
    const error = estimate.errorMs.toFixed(1);
    return { ms: null, reason: `the clocks agree to ±${error} ms only, too coarse for this age` };
  }
  return { ms, errorMs: estimate.errorMs };
}

/** Remembers the last exchanges and trusts the one that bounds the offset best. */
export class OffsetEstimator {
  #exchanges = [];

  /**
   * Take one exchange: sent and received here (t1, t4), by the engine (t2, t3).
   *
   * relayMs bounds the error of the engine's stamps themselves, which a gateway may have derived.
   * Returns false, and forgets it, if the stamps contradict each other.
   */
  add(t1, t2, t3, t4, relayMs = 0) {
    const rttMs = t4 - t1 - (t3 - t2);
    if (![t1, t2, t3, t4, relayMs].every(Number.isFinite)) return false;
    if (t4 < t1 || t3 < t2 || rttMs < -relayMs) return false;
    const offsetMs = (t2 - t1 + (t3 - t4)) / 2;
    this.#exchanges.push({ offsetMs, rttMs: Math.max(0, rttMs), relayMs, takenMs: t4 });
    if (this.#exchanges.length > WINDOW) this.#exchanges.shift();
    return true;
  }

  /** Return {offsetMs, errorMs} as of the newest exchange, or null before the first. */
  estimate() {
    const newest = this.#exchanges.at(-1);
    if (!newest) return null;
    let best = null;
    for (const exchange of this.#exchanges) {
      const driftMs = Math.max(0, newest.takenMs - exchange.takenMs) * DRIFT;
      const errorMs = exchange.rttMs / 2 + exchange.relayMs + driftMs;
      // Newer ones win ties: clocks drift apart.
      if (!best || errorMs <= best.errorMs) best = { offsetMs: exchange.offsetMs, errorMs };
    }
    return best;
  }

  /** Return the shortest round trip remembered, or null. */
  roundTripMs() {
    if (!this.#exchanges.length) return null;
    return Math.min(...this.#exchanges.map((exchange) => exchange.rttMs));
  }

  /** Forget everything: the engine, and with it its clock, may be another one. */
  reset() {
    this.#exchanges = [];
  }
}
