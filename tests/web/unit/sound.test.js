// Sound on the page: its header, its place in time, its playing, and its words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderError, kindOf, parseSound } from "../../../runtime/web/static/header.js";
import { readMessage } from "../../../runtime/web/static/messages.js";
import { inability } from "../../../runtime/web/static/sound.js";
import {
  MARGIN_MS, OutputClock, Recent, ringDelay, skewMs, wantedDelayMs,
} from "../../../runtime/web/static/sound-delay.js";
import { SoundLine } from "../../../runtime/web/static/sound-line.js";
import { degradedText, soundText } from "../../../runtime/web/static/status.js";
import { goldenSoundWith } from "./bytes.js";

const packet = (at, more = {}) => ({
  epoch: 1, srcPtsMs: at, captureMs: 1000 + at, samples: 960, preSkip: 0, ...more,
});

test("the golden bytes read as the sound of the protocol's definition", () => {
  assert.equal(kindOf(goldenSoundWith()), "sound");
  const { payload, ...header } = parseSound(goldenSoundWith());
  assert.deepEqual(header, {
    isDiscontinuity: true, epoch: 2, seq: 7, srcPtsMs: 233.333333, captureMs: 1000, sendMs: 1010,
    channels: 2, samples: 960, preSkip: 312,
  });
  assert.equal(new TextDecoder().decode(payload), "123456789");
});

test("a sound with another magic, version, codec, length or impossible numbers is refused", () => {
  const wrong = [
    [0, [0x54]], [4, [2]], [6, [2]], [40, [8]], [44, [0, 0]], [44, [3, 0]], [46, [0, 0]],
    [46, [0x81, 0x16]], [50, [0xc0, 3]],
  ];
  for (const [offset, bytes] of wrong) {
    assert.throws(() => parseSound(goldenSoundWith(offset, bytes)), HeaderError, `offset ${offset}`);
  }
});

test("every cut-off sound is refused", () => {
  const whole = goldenSoundWith();
  for (let end = 0; end < whole.byteLength; end += 1) {
    assert.throws(() => parseSound(whole.slice(0, end)), HeaderError);
  }
});

test("a page knows of sound that it can decode, and of no other", () => {
  const welcome = { t: "welcome", codec: "h264", codec_string: "x", w: 2, h: 2, layout: "full-sbs", fps: 30 };
  const hasSound = (audio) => readMessage(JSON.stringify({ ...welcome, audio })).hasSound;
  assert.deepEqual(
    [{ codec: "opus", rate: 48000, channels: 2 }, { codec: "aac" }, null, undefined, 7].map(hasSound),
    [true, false, false, false, false],
  );
});

test("packets that follow each other touch, though their times are rounded", () => {
  const line = new SoundLine();
  const places = [0, 20, 41, 60, 79].map((at) => line.take(packet(at)).place);
  assert.deepEqual(places, [48000, 48960, 49920, 50880, 51840]);
});

test("a missing packet is a hole, a skipped beginning is none", () => {
  const line = new SoundLine();
  assert.deepEqual(line.take(packet(0, { samples: 960 + 312, preSkip: 312 })), { place: 48000, line: 0, isNew: true });
  assert.equal(line.take(packet(60)).place, 48000 + 3 * 960);
});

test("an epoch begins where its pictures are captured", () => {
  const line = new SoundLine();
  line.take(packet(0));
  const second = line.take(packet(500_000, { epoch: 2, captureMs: 1020 }));
  assert.deepEqual(second, { place: 1020 * 48, line: 0, isNew: true });
});

test("the engine's clock moving away from the source's is told, and shifts nothing", () => {
  const line = new SoundLine();
  let told;
  for (let number = 0; number < 200; number += 1) {
    told = line.take(packet(number * 20, { captureMs: 1000 + number * 20 * 1.001 }));
  }
  assert.equal(told.place, 48000 + 199 * 960);
  const lag = told.line / 48;
  assert.ok(lag > 3 && lag < 4, `${lag} ms`); // of 3.98, less half the window
});

test("sound waits for the pictures, and longer where it would come too late", () => {
  assert.equal(wantedDelayMs({ pictureMs: 200, readyMs: -150, outputMs: 30 }), 200);
  assert.equal(wantedDelayMs({ pictureMs: 80, readyMs: 300, outputMs: 30 }), 330 + MARGIN_MS);
  assert.equal(wantedDelayMs({ pictureMs: null, readyMs: 10, outputMs: null }), 10 + MARGIN_MS);
  assert.equal(wantedDelayMs({ pictureMs: 90, readyMs: null, outputMs: 5 }), 90);
  assert.equal(wantedDelayMs({ pictureMs: null, readyMs: null, outputMs: 5 }), null);
});

test("sound that is read where it should be has no skew, whatever the clocks", () => {
  const [zeroMs, pictureMs, rateHz, line] = [1.7e12, 1.7e12 - 5e6, 48000, 96];
  const frame = 48_000 * 3;
  const place = frame - line - ringDelay(pictureMs, zeroMs);
  const skew = (more) => skewMs({ frame, place: place + more, line }, { zeroMs, pictureMs, rateHz });
  assert.ok(Math.abs(skew(0)) < 0.01);
  assert.ok(Math.abs(skew(-480) - 10) < 0.01, "read 10 ms behind is heard 10 ms late");
  assert.equal(skewMs({ frame }, { zeroMs, pictureMs, rateHz }), null);
});

test("what was seen last counts while nothing is seen", () => {
  const recent = new Recent();
  assert.equal(recent.percentile(0.5), null);
  for (let at = 0; at < 9000; at += 100) recent.add(at, at < 4000 ? 999 : 7);
  assert.equal(recent.percentile(0.95), 7);
});

test("one odd stamp of the output does not move its clock", () => {
  const clock = new OutputClock();
  assert.equal(clock.zeroMs(), null);
  for (const jitter of [0, 0.4, 80, -0.3, 0.1]) clock.add(2, 5000 + jitter);
  assert.ok(Math.abs(clock.zeroMs() - 3000) < 0.5);
});

test("the overlay tells how far sound and picture are apart, and what was lost", () => {
  const text = soundText({ skewMs: -12.3, bufferedMs: 210.4, lost: 2, late: 0, jumps: 1 });
  assert.equal(text, "12 ms before the picture; 210 ms buffered; 2 lost, 1 jumped");
  assert.equal(soundText(null, "This stream has no sound."), "This stream has no sound.");
  assert.equal(soundText(null), "off");
});

test("a step of the ladder is told in the engine's words, or by its number to who came later", () => {
  assert.equal(degradedText(0, "to keep up: x (step 1 of 5)"), "");
  assert.equal(degradedText(2, "to keep up: depth on a smaller grid (step 2 of 5)"), "Keeping up: depth on a smaller grid");
  assert.equal(degradedText(3, null), "Keeping up: step 3");
  assert.equal(degradedText(undefined, null), "");
});

test("a browser without a decoder for sound says so in one line", () => {
  assert.match(inability({}), /^[^\n]*without sound[^\n]*$/);
});
