// Codec strings from real parameter sets, wherever they stand in an access unit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codecString, hasIdr, nalUnits } from "../../../runtime/web/static/sps.js";
import { SPS, bytesOf } from "./bytes.js";

const unit = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const LONG = [0, 0, 0, 1];
const SHORT = [0, 0, 1];

test("the codec string is profile, constraints and level of the parameter set", () => {
  assert.equal(codecString(unit(LONG, SPS)), "avc1.42c028");
  assert.equal(codecString(unit(SHORT, bytesOf("67640033ac"))), "avc1.640033");
});

test("the parameter set is found behind other units", () => {
  const stream = unit(LONG, bytesOf("0910"), SHORT, bytesOf("0605ff"), LONG, SPS, SHORT, bytesOf("68ce"));
  assert.equal(codecString(stream), "avc1.42c028");
});

test("units are cut at both kinds of start code, zeros around them left out", () => {
  const stream = unit(LONG, bytesOf("6761"), SHORT, bytesOf("6863"), LONG, bytesOf("6500000301"), [0, 0]);
  const units = nalUnits(stream).map(([start, end]) => [...stream.subarray(start, end)]);
  assert.deepEqual(units, [[0x67, 0x61], [0x68, 0x63], [0x65, 0, 0, 3, 1]]);
});

test("an IDR is told from other pictures", () => {
  assert.equal(hasIdr(unit(LONG, SPS, LONG, bytesOf("6588"))), true);
  assert.equal(hasIdr(unit(LONG, bytesOf("419a"))), false);
});

test("without a parameter set there is no codec string", () => {
  assert.equal(codecString(unit(LONG, bytesOf("6588"))), null);
  assert.equal(codecString(unit(LONG, bytesOf("6742"))), null);
  assert.equal(codecString(new Uint8Array(0)), null);
});

test("a start code may begin at any place", () => {
  for (let shift = 0; shift < 7; shift += 1) {
    const stream = unit(new Uint8Array(shift).fill(7), SHORT, SPS);
    assert.deepEqual(nalUnits(stream), [[shift + 3, shift + 3 + SPS.length]], `shift ${shift}`);
  }
});
