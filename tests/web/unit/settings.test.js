// Settings keep what is legal, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEMA, Settings, legal } from "../../../runtime/web/static/settings.js";

/** A place to keep things, as a browser has one. */
function storage(kept = {}) {
  const map = new Map(Object.entries(kept));
  return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value) };
}

test("every default is legal", () => {
  for (const [name, { start }] of Object.entries(SCHEMA)) assert.equal(legal(name, start), start);
});

test("what was set is there the next time", () => {
  const place = storage();
  const first = new Settings(place);
  assert.equal(first.set("view", "anaglyph"), true);
  assert.equal(first.set("widthM", 4.5), true);
  const second = new Settings(place);
  assert.deepEqual([second.get("view"), second.get("widthM")], ["anaglyph", 4.5]);
});

test("numbers are brought into their range, other nonsense is refused", () => {
  const settings = new Settings(storage());
  settings.set("distanceM", 99);
  assert.equal(settings.get("distanceM"), SCHEMA.distanceM.range[1]);
  for (const [name, value] of [["view", "x"], ["widthM", "3"], ["widthM", NaN], ["swapEyes", 1], ["no", 1]]) {
    assert.equal(settings.set(name, value), false, `${name}=${value}`);
  }
});

test("spoiled storage means defaults, not a broken page", (context) => {
  context.mock.method(console, "warn", () => {});
  for (const kept of ["{", "null", "7", '{"view":"x","widthM":"big"}']) {
    const settings = new Settings(storage({ "stereocast.settings": kept }));
    assert.equal(settings.get("view"), SCHEMA.view.start);
    assert.equal(settings.get("widthM"), SCHEMA.widthM.start);
  }
});

test("a browser without storage still has settings", () => {
  const settings = new Settings(null);
  assert.equal(settings.set("swapEyes", true), true);
  assert.equal(settings.get("swapEyes"), true);
});

test("listeners hear of changes only", () => {
  const settings = new Settings(storage());
  const heard = [];
  settings.addEventListener("change", ({ name, value }) => heard.push([name, value]));
  settings.set("curvature", 0.5);
  settings.set("curvature", 0.5);
  settings.nudge("curvature", -2);
  assert.deepEqual(heard, [["curvature", 0.5], ["curvature", 0.4]]);
});
