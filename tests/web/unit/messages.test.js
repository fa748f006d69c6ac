// What the page believes of the gateway's words, and how it says its own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageError, readMessage, say } from "../../../runtime/web/static/messages.js";

const WELCOME = {
  t: "welcome", session: "s", codec: "h264", codec_string: "avc1.42c028", w: 2560, h: 720,
  layout: "full-sbs", fps: 29.97, color: {}, extradata: "", can_seek: true, duration_s: 61.5,
  live: false, controls: { strength: 2.5, evil: "x" }, ranges: { strength: [0, 10], comfort: [1, 1] },
};
const read = (message) => readMessage(JSON.stringify(message));

test("a welcome is read in full", () => {
  assert.deepEqual(read(WELCOME), {
    t: "welcome", session: "s", codec: "h264", codecString: "avc1.42c028", width: 2560, height: 720,
    layout: "full-sbs", fps: 29.97, canSeek: true, durationS: 61.5, isLive: false,
    hasSound: false, controls: { strength: 2.5 }, ranges: { strength: [0, 10] },
  });
});

test("an old engine's welcome, without what it does not know, is enough", () => {
  const { can_seek, duration_s, live, controls, ranges, ...old } = WELCOME;
  const none = { can_seek: null, duration_s: null, live: null, controls: null, ranges: null };
  for (const message of [old, { ...old, ...none }]) {
    const stream = read(message);
    assert.deepEqual([stream.canSeek, stream.durationS, stream.isLive], [false, null, false]);
    assert.deepEqual([stream.controls, stream.ranges], [{}, {}]);
  }
});

test("a welcome without what decoding needs is refused", () => {
  for (const [name, value] of [["codec", "vp9"], ["w", 0], ["h", 1.5], ["fps", 0], ["fps", "30"], ["layout", 1]]) {
    assert.throws(() => read({ ...WELCOME, [name]: value }), MessageError, `${name}=${value}`);
  }
});

test("engine times are read from decimal strings without rounding away their microseconds", () => {
  const pong = read({ t: "pong", t1: 1.5, t2_ns: "9007199254740993", t3_ns: "9007199255740993", err_us: 250 });
  assert.equal(pong.t1Ms, 1.5);
  assert.equal(pong.errorMs, 0.25);
  assert.ok(Math.abs(pong.t3Ms - pong.t2Ms - 1) < 1e-5);
});

test("a broken pong is refused", () => {
  const good = { t: "pong", t1: 1, t2_ns: "2", t3_ns: "3", err_us: 0 };
  for (const [name, value] of [["t1", "1"], ["t2_ns", "-2"], ["t3_ns", "1e3"], ["err_us", -1], ["t2_ns", null]]) {
    assert.throws(() => read({ ...good, [name]: value }), MessageError, `${name}=${value}`);
  }
});

test("facts and stamps keep numbers only", () => {
  const message = { t: "info", seq: 3, stamps: { t0: "1000000", evil: 1 }, facts: { comfort: 0.5, text: "x", none: null } };
  assert.deepEqual(read(message), { t: "info", seq: 3, stamps: { t0: 1 }, facts: { comfort: 0.5 } });
});

test("garbage is refused, an unknown kind is passed over", () => {
  for (const text of ["", "{", "[]", "7", "null", '{"t":1}', '{"t":"info"}', '{"t":"end"}']) {
    assert.throws(() => readMessage(text), MessageError, text);
  }
  assert.equal(readMessage('{"t":"later"}'), null);
  assert.equal(readMessage('{"t":"toString"}'), null);
});

test("an end says whether to come back", () => {
  assert.equal(read({ t: "end", code: "eos", text: "done", again: true }).again, true);
  assert.equal(read({ t: "end", code: "eos", text: "done" }).again, false);
});

test("credits are whole numbers, an unknown age is null", () => {
  assert.deepEqual(say.credit(1, 7, 12.3456, 0), { t: "credit", n: 1, last_seq: 7, age_us: 12346, queue: 0 });
  assert.deepEqual(say.credit(2, null, null, 1), { t: "credit", n: 2, last_seq: null, age_us: null, queue: 1 });
});

test("wishes carry the engine's controls and nothing else", () => {
  assert.deepEqual(say.quality({ strength: 3, bitrate: 1 }), { t: "quality", strength: 3 });
  assert.deepEqual(say.seek(-4), { t: "playback", seek_s: 0 });
});
