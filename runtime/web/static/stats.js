// Figures over the last seconds: percentiles, rates, drops by cause, stage times. No clock, no page.

const SPAN_MS = 5000;

/** Return the share-th percentile of numbers by nearest rank, or null of none. */
export function percentile(values, share) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/**
 * Return the milliseconds of each stage from the engine's stamps, in order of time.
 *
 * stamps maps t0, t1, … to milliseconds; a missing one gives its time to the next that is there.
 */
export function stageTimes(stamps) {
  const numbered = Object.entries(stamps)
    .filter(([name]) => STAGE_NAMES[name])
    .sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));
  return numbered
    .slice(1)
    .map(([name, at], index) => [STAGE_NAMES[name], at - numbered[index][1]]);
}

const STAGE_NAMES = Object.freeze({
  t0: "capture", t1: "dequeue", t2: "decode", t3: "depth", t4: "refine", t5: "warp",
  t6: "encode", t7: "send",
});

/** All stages from light to light: the engine's, then this browser's. */
const STAGE_ORDER = Object.freeze([
  ...Object.values(STAGE_NAMES), "network", "view decode", "show",
]);

/** Collects what happened to pictures and sums it up over the last five seconds. */
export class Statistics {
  #shown = [];
  #beginMs = null;
  drops = { source: 0, sync: 0, decode: 0, late: 0 };

  /** Note a shown picture: when, how old (null: nobody can tell), and its stages in order. */
  show(atMs, ageMs, stages) {
    this.#beginMs ??= atMs;
    this.#shown.push({ atMs, ageMs, stages });
    this.#forget(atMs);
  }

  /** Count pictures that were not shown, by cause. */
  drop(cause, count = 1) {
    this.drops[cause] += count;
  }

  /** Sum up as of now: {fps, p50Ms, p95Ms, stages: [[name, medianMs], …]}. */
  summary(nowMs) {
    this.#forget(nowMs);
    const spanMs = Math.min(SPAN_MS, nowMs - (this.#beginMs ?? nowMs));
    const ages = this.#shown.map((one) => one.ageMs).filter((age) => age !== null);
    const stages = new Map();
    for (const one of this.#shown) {
      for (const [name, ms] of one.stages) stages.set(name, [...(stages.get(name) ?? []), ms]);
    }
    return {
      fps: spanMs > 200 ? (this.#shown.length * 1000) / spanMs : 0,
      p50Ms: percentile(ages, 0.5),
      p95Ms: percentile(ages, 0.95),
      stages: [...stages]
        .map(([name, values]) => [name, percentile(values, 0.5)])
        .sort(([a], [b]) => STAGE_ORDER.indexOf(a) - STAGE_ORDER.indexOf(b)),
    };
  }

  #forget(nowMs) {
    while (this.#shown.length && this.#shown[0].atMs < nowMs - SPAN_MS) this.#shown.shift();
  }
}
