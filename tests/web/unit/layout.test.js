// Where each eye lies, and the shape it is shown in.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as layout from "../../../runtime/web/static/layout.js";

test("the left eye is the left half, the right eye the right half", () => {
  const { left, right } = layout.eyeRectangles("full");
  assert.deepEqual([left, right], [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]);
  assert.deepEqual(layout.eyeRectangles("half"), { left, right });
});

test("top-bottom has the left eye on top", () => {
  assert.deepEqual(layout.eyeRectangles("tb"), { left: [0, 0, 1, 0.5], right: [0, 0.5, 1, 1] });
});

test("swapped eyes change places", () => {
  const plain = layout.eyeRectangles("full");
  const swapped = layout.eyeRectangles("full", { swap: true });
  assert.deepEqual([swapped.left, swapped.right], [plain.right, plain.left]);
});

test("auto believes the stream, any choice overrules it", () => {
  assert.equal(layout.arrangement("auto", "half-sbs"), "half");
  assert.equal(layout.arrangement("auto", "full-sbs"), "full");
  assert.equal(layout.arrangement("tb", "half-sbs"), "tb");
});

test("every arrangement of a 16:9 film is seen in 16:9", () => {
  const sizes = [["full", 2560, 720], ["half", 1280, 720], ["tb", 1280, 1440], ["tb", 1280, 720]];
  for (const [arranged, width, height] of sizes) {
    assert.equal(layout.eyeAspect(arranged, width, height), 16 / 9, `${arranged} ${width}×${height}`);
  }
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
