// The clock estimate bounds the truth, and refuses to tell what it cannot know.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OffsetEstimator, WINDOW, oneWay } from "../../../runtime/web/static/clock.js";

function exchange(estimator, { atMs, offsetMs, thereMs, backMs, relayMs = 0 }) {
  const t2 = atMs + thereMs + offsetMs;
  return estimator.add(atMs, t2, t2 + 0.02, atMs + thereMs + 0.02 + backMs, relayMs);
}

/** Numbers in [0, 1) that are the same every time (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

test("without an exchange there is no estimate and no age", () => {
  const estimator = new OffsetEstimator();
  assert.equal(estimator.estimate(), null);
  assert.equal(estimator.roundTripMs(), null);
  assert.equal(oneWay(null, 0, 5).ms, null);
});

test("equal ways give the exact offset", () => {
  const estimator = new OffsetEstimator();
  exchange(estimator, { atMs: 5, offsetMs: -7, thereMs: 1, backMs: 1 });
  const { offsetMs, errorMs } = estimator.estimate();
  assert.ok(Math.abs(offsetMs + 7) < 1e-9 && Math.abs(errorMs - 1) < 1e-9);
});

test("the error bounds the truth however unequal the ways, the gateway's error included", () => {
  const random = dice(1);
  for (let trial = 0; trial < 200; trial += 1) {
    const estimator = new OffsetEstimator();
    const offsetMs = (random() - 0.5) * 1e9;
    for (let number = 0; number < 1 + random() * 90; number += 1) {
      const relayMs = random() * 3;
      const off = (random() * 2 - 1) * relayMs; // the engine's stamps are wrong by this
      const ways = { thereMs: 0.1 + random() * 90, backMs: 0.1 + random() * 90 };
      exchange(estimator, { atMs: number * 500, offsetMs: offsetMs + off, ...ways, relayMs });
    }
    const estimate = estimator.estimate();
    assert.ok(Math.abs(estimate.offsetMs - offsetMs) <= estimate.errorMs + 1e-6);
  }
});

test("the shortest round trip is trusted until it leaves the window", () => {
  const estimator = new OffsetEstimator();
  exchange(estimator, { atMs: 0, offsetMs: 3, thereMs: 0.1, backMs: 0.1 });
  for (let number = 1; number < WINDOW; number += 1) {
    exchange(estimator, { atMs: number, offsetMs: 0, thereMs: 40, backMs: 1 });
  }
  assert.ok(Math.abs(estimator.estimate().offsetMs - 3) < 1e-9);
  exchange(estimator, { atMs: 99, offsetMs: 0, thereMs: 40, backMs: 1 });
  assert.ok(estimator.estimate().errorMs > 20);
});

test("the gateway's own error is added, never hidden", () => {
  const estimator = new OffsetEstimator();
  exchange(estimator, { atMs: 0, offsetMs: 0, thereMs: 1, backMs: 1, relayMs: 4 });
  assert.ok(Math.abs(estimator.estimate().errorMs - 5) < 1e-9);
});

test("stamps that contradict each other are refused", () => {
  const estimator = new OffsetEstimator();
  assert.equal(estimator.add(10, 0, 0, 9), false);
  assert.equal(estimator.add(0, 5, 4, 10), false);
  assert.equal(estimator.add(0, 0, 100, 10), false);
  assert.equal(estimator.add(0, NaN, 1, 10), false);
  assert.equal(estimator.estimate(), null);
});

test("a one-way time is told when the error is a quarter of it, refused when it is more", () => {
  assert.equal(oneWay({ offsetMs: -50, errorMs: 25 }, 0, 150).ms, 100);
  const refused = oneWay({ offsetMs: -50, errorMs: 25.1 }, 0, 150);
  assert.equal(refused.ms, null);
  assert.match(refused.reason, /±25.1 ms/);
  assert.equal(oneWay({ offsetMs: 0, errorMs: 0 }, 9, 0).ms, null);
});

test("after a reset nothing of the old engine is left", () => {
  const estimator = new OffsetEstimator();
  exchange(estimator, { atMs: 0, offsetMs: 0, thereMs: 1, backMs: 1 });
  estimator.reset();
  assert.equal(estimator.estimate(), null);
});
