// The engine's controls: an automatic convergence stays automatic until somebody turns it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTO, controlText, legalControl, nudgedControl } from "../../../runtime/web/static/controls.js";

test("a wish is brought into its range, and an automatic convergence stays so", () => {
  assert.equal(legalControl("strength", 11, [0, 10]), 10);
  assert.equal(legalControl("strength", -1, [0, 10]), 0);
  assert.equal(legalControl("convergence", AUTO, [0, 1]), AUTO);
  assert.equal(legalControl("convergence", 1.5, [0, 1]), 1);
});

test("a step away from automatic begins where the engine is", () => {
  assert.equal(nudgedControl("convergence", AUTO, 2, { range: [0, 1], found: 0.3 }), 0.4);
  assert.equal(nudgedControl("convergence", AUTO, -2, { range: [0, 1] }), 0.4);
  assert.equal(nudgedControl("convergence", 0.02, -1, { range: [0, 1], found: 0.3 }), 0);
});

test("values read as people say them", () => {
  assert.equal(controlText("convergence", AUTO, [0, 1]), "auto");
  assert.equal(controlText("convergence", 0.5, [0, 1]), "0.50");
  assert.equal(controlText("strength", 2.5, [0, 10], "%"), "2.5 %");
});
