// The FRAME header byte for byte, and what is not believed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderError, kindOf, msOfNs, parseDepth, parseFrame } from "../../../runtime/web/static/header.js";
import { depthMessage, goldenWith } from "./bytes.js";

test("the golden bytes read as the frame of the protocol's definition", () => {
  const { payload, ...header } = parseFrame(goldenWith());
  assert.deepEqual(header, {
    codec: "h264", layout: "full-sbs", isKey: true, isDiscontinuity: false, epoch: 1, seq: 7,
    srcPtsMs: 233.333333, captureMs: 1000, sendMs: 1010, width: 2560, height: 720, dep: 0,
  });
  assert.equal(new TextDecoder().decode(payload), "123456789");
});

test("unknown flag bits and padding are ignored", () => {
  assert.equal(parseFrame(goldenWith(5, [0xc9])).isKey, true);
  assert.equal(parseFrame(goldenWith(56, [9, 9])).seq, 7);
});

test("another magic, version, codec, layout or length is refused", () => {
  const wrong = [[0, 0x54], [4, 2], [6, 9], [48, 77], [40, 8]];
  for (const [offset, byte] of wrong) {
    assert.throws(() => parseFrame(goldenWith(offset, [byte])), HeaderError, `offset ${offset}`);
  }
});

test("every cut-off frame is refused", () => {
  for (let end = 0; end < 73; end += 1) {
    assert.throws(() => parseFrame(goldenWith().slice(0, end)), HeaderError);
  }
});

test("nanoseconds beyond what a double holds keep their milliseconds", () => {
  const ns = 2n ** 62n + 1_500_000n;
  const exact = Number((ns * 1000n) / 1_000_000n) / 1000;
  assert.ok(Math.abs(msOfNs(ns) - exact) < 1e-3);
  assert.equal(msOfNs(1_234_567n), 1.234567);
});

test("a depth map reads back", () => {
  const buffer = depthMessage(3, 2, [0, 1, 2, 253, 254, 255]);
  assert.equal(kindOf(buffer), "depth");
  const { seq, width, height, values } = parseDepth(buffer);
  assert.deepEqual([seq, width, height, [...values]], [70000, 3, 2, [0, 1, 2, 253, 254, 255]]);
});

test("a depth map of another size than its bytes is refused", () => {
  assert.throws(() => parseDepth(depthMessage(3, 3, [0, 1])), HeaderError);
  assert.throws(() => parseDepth(depthMessage(0, 0, [])), HeaderError);
});

test("what is neither is said to be neither", () => {
  assert.equal(kindOf(goldenWith()), "frame");
  assert.equal(kindOf(new ArrayBuffer(80)), null);
  assert.equal(kindOf(new ArrayBuffer(3)), null);
});
