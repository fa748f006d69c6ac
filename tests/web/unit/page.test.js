// Small decisions of the page: waiting times, figures, keys, words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { waitMs } from "../../../runtime/web/static/connection.js";
import { SHORTCUTS, shortcutOf } from "../../../runtime/web/static/shortcuts.js";
import { tokenOf } from "../../../runtime/web/static/sign-in.js";
import { Statistics, percentile, stageTimes } from "../../../runtime/web/static/stats.js";
import { statisticsRows } from "../../../runtime/web/static/status.js";

test("a server that came back is found within two seconds, after any number of tries", () => {
  for (let attempt = 0; attempt < 40; attempt += 1) assert.ok(waitMs(attempt, 0.9999) < 2000);
  assert.ok(waitMs(0, 0.5) < waitMs(1, 0.5) && waitMs(1, 0.5) < waitMs(2, 0.5));
});

test("two pages that lost the same server do not come back at once", () => {
  assert.ok(waitMs(4, 0.9) - waitMs(4, 0.1) > 400);
});

test("a server that refused is asked rarely", () => {
  assert.ok(waitMs(0, 0, true) > 3000);
});

test("percentiles are values that occurred", () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(percentile([5], 0.95), 5);
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2);
  assert.equal(percentile([4, 1, 3, 2], 0.95), 4);
});

test("stages sum to the time from the first stamp to the last, whatever is missing", () => {
  const stages = stageTimes({ t0: 10, t2: 12, t6: 19.5, t10: 99, t5: 18 });
  assert.deepEqual(stages, [["decode", 2], ["warp", 6], ["encode", 1.5]]);
});

test("figures forget what is older than five seconds", () => {
  const statistics = new Statistics();
  for (let number = 0; number < 300; number += 1) statistics.show(number * 40, number, []);
  const { fps, p50Ms } = statistics.summary(299 * 40);
  assert.ok(Math.abs(fps - 25) < 0.5, `${fps}`);
  assert.ok(p50Ms > 230 && p50Ms < 242, `${p50Ms}`);
  assert.equal(statistics.summary(60_000).fps, 0);
});

test("an age that nobody can tell is no age of zero", () => {
  const statistics = new Statistics();
  statistics.show(0, null, []);
  assert.equal(statistics.summary(1).p50Ms, null);
});

test("the overlay gives the reason where there is no age, and owns up to another codec", () => {
  const figures = { fps: 30, p50Ms: null, p95Ms: null, drops: { late: 2, sync: 0 }, queue: 1, stages: [], ageRefusal: "too coarse" };
  const stream = { fps: 30, width: 64, height: 18, layout: "full-sbs" };
  const health = { codec: "avc1.42c028", declaredCodec: "avc1.42c01f", hardware: false, clock: null };
  const rows = new Map(statisticsRows({ figures, stream, health, facts: { comfort: 0.5 } }));
  assert.equal(rows.get("Age"), "too coarse");
  assert.match(rows.get("Decoder"), /avc1.42c028, software, announced as avc1.42c01f; 1 waiting/);
  assert.equal(rows.get("Not shown"), "2 overtaken");
  assert.equal(rows.get("Comfort"), "50 %");
});

test("a token is found however the address carries it, and nothing else is taken for one", () => {
  assert.equal(tokenOf("#abcDEF_123-x"), "abcDEF_123-x");
  assert.equal(tokenOf("#token=abcDEF_123-x"), "abcDEF_123-x");
  for (const fragment of ["", "#", "#help", "#token=", "#a b c d e f g h"]) assert.equal(tokenOf(fragment), null);
});

test("no key means two things", () => {
  const keys = SHORTCUTS.flatMap(([names]) => names);
  assert.equal(new Set(keys).size, keys.length);
});

test("keys work in capitals, and leave buttons, sliders and the browser alone", () => {
  const press = (key, tagName = "BODY", more = {}) => shortcutOf({ key, target: { tagName }, ...more })?.[2] ?? null;
  assert.equal(press("X"), "swapEyes");
  assert.equal(press("Enter"), "toggleHeadset");
  assert.equal(press("Enter", "BUTTON"), null);
  assert.equal(press("ArrowLeft", "INPUT"), null);
  assert.equal(press("f", "BODY", { ctrlKey: true }), null);
  assert.equal(press("z"), null);
});
