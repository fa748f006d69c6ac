// Where each eye lies, and the shape it is shown in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LAYOUTS } from "../../../runtime/web/static/header.js";
import * as layout from "../../../runtime/web/static/layout.js";

const FRAME = { width: 2560, height: 720 };

test("the left eye is the left half, the right eye the right half", () => {
  const { left, right } = layout.eyeRectangles("full-sbs");
  assert.deepEqual([left, right], [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]);
  for (const name of ["half-sbs", "vr180"]) assert.deepEqual(layout.eyeRectangles(name), { left, right });
});

test("top-bottom has the left eye on top", () => {
  const expected = { left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 1] };
  assert.deepEqual(layout.eyeRectangles("full-tb"), expected);
  assert.deepEqual(layout.eyeRectangles("half-tb"), expected);
});

test("swapped eyes change places, and a cross-eyed picture is one", () => {
  const plain = layout.eyeRectangles("full-sbs");
  const swapped = layout.eyeRectangles("full-sbs", { swap: true });
  assert.deepEqual([swapped.left, swapped.right], [plain.right, plain.left]);
  assert.deepEqual(layout.eyeRectangles("cross-eyed"), swapped);
});

test("every layout of the protocol has its eyes", () => {
  for (const name of Object.values(LAYOUTS)) {
    assert.equal(layout.arrangement("auto", name, FRAME), name);
    assert.equal(layout.eyeRectangles(name).left.length, 4, name);
  }
});

test("a picture for looking at is seen whole by both eyes", () => {
  const mono = Object.values(LAYOUTS).filter(layout.isMono);
  assert.deepEqual(mono, ["anaglyph", "rgb-depth", "debug-grid"]);
  assert.equal(layout.eyeAspect("anaglyph", { width: 64, height: 36 }), 16 / 9);
});

test("auto believes the stream, any choice overrules it", () => {
  assert.equal(layout.arrangement("full", "half-sbs", FRAME), "full-sbs");
  assert.equal(layout.arrangement("half", "full-sbs", FRAME), "half-sbs");
  assert.equal(layout.arrangement("tb", "half-sbs", FRAME), "half-tb");
  assert.equal(layout.arrangement("tb", "half-sbs", { width: 1280, height: 1440 }), "full-tb");
  assert.equal(layout.arrangement("auto", "of-tomorrow", FRAME), "full-sbs");
});

test("every arrangement of a 16:9 film is seen in 16:9", () => {
  const sizes = [["full-sbs", 2560, 720], ["half-sbs", 1280, 720], ["full-tb", 1280, 1440], ["half-tb", 1280, 720], ["cross-eyed", 2560, 720]];
  for (const [name, width, height] of sizes) {
    assert.equal(layout.eyeAspect(name, { width, height }), 16 / 9, name);
  }
  assert.equal(layout.eyeAspect("vr180", { width: 2048, height: 1024 }), 1);
});

test("the shown size counts, never the coded one", () => {
  const picture = { codedWidth: 2560, codedHeight: 738, displayWidth: 2560, displayHeight: 720 };
  assert.deepEqual(layout.shownSize(picture), { width: 2560, height: 720 });
  assert.deepEqual(layout.shownSize({ width: 64, height: 18 }), { width: 64, height: 18 });
});

test("a picture is fitted whole and centred", () => {
  assert.deepEqual(layout.fit(2, 101, 100), [0, 24, 101, 51]);
  assert.deepEqual(layout.fit(0.5, 100, 100), [25, 0, 50, 100]);
  assert.deepEqual(layout.fit(16 / 9, 1600, 900), [0, 0, 1600, 900]);
});
