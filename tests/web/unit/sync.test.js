// Whether a frame can be decoded by whoever decoded those before it; how often a key is asked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sync } from "../../../runtime/web/static/sync.js";

const frame = (seq, dep, epoch = 1) => ({ seq, dep, epoch, isKey: dep === 0 });

test("a gap in numbers is no loss of sync", () => {
  const sync = new Sync();
  const verdicts = [[3, 0], [4, 1], [9, 5], [11, 2]].map(([seq, dep]) => sync.accept(frame(seq, dep)));
  assert.deepEqual(verdicts, [true, true, true, true]);
});

test("a missing reference is a loss of sync until a key frame", () => {
  const sync = new Sync();
  const frames = [[3, 0], [6, 1], [7, 1], [8, 0], [9, 1]];
  const verdicts = frames.map(([seq, dep]) => sync.accept(frame(seq, dep)));
  assert.deepEqual(verdicts, [true, false, false, true, true]);
});

test("another epoch needs its own key frame", () => {
  const sync = new Sync();
  assert.equal(sync.accept(frame(3, 0)), true);
  assert.equal(sync.accept(frame(4, 1, 2)), false);
});

test("nothing can follow before the first key frame", () => {
  assert.equal(new Sync().accept({ seq: 0, dep: 0, epoch: 1, isKey: false }), false);
  assert.equal(new Sync().accept({ seq: 5, dep: 5, epoch: 1, isKey: false }), false);
});

test("a key frame is asked for twice a second until it comes", () => {
  const sync = new Sync();
  const asked = [0, 100, 499, 500, 700, 1001].map((nowMs) => sync.keyDue(nowMs));
  assert.deepEqual(asked, [true, false, false, true, false, true]);
  sync.accept(frame(0, 0));
  assert.equal(sync.keyDue(9000), false);
  sync.lose();
  assert.equal(sync.keyDue(9001), true);
});
