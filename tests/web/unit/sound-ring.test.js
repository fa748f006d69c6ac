// Playing: what is read when, how it slews, and how holes and jumps sound.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPACITY, JUMP_SAMPLES, MAX_SLEW, SoundRing } from "../../../runtime/web/static/sound-ring.js";

const QUANTUM = 128;
const PACKET = 960;

/** A ring that plays a line of samples; sample n of the line is value(n). */
class Player {
  frame = 0;
  written = 0;
  heard = [];

  constructor(value, { ratio = 1, place = 0 } = {}) {
    this.ring = new SoundRing(ratio);
    this.value = value;
    this.written = place;
  }

  write(count, { skip = false, isNew = false, line = 0 } = {}) {
    for (let packet = 0; packet < count; packet += 1) {
      const samples = Float32Array.from({ length: PACKET }, (_, at) => this.value(this.written + at));
      if (!skip) this.ring.write({ place: this.written, line, isNew: isNew && packet === 0, channels: [samples] });
      this.written += PACKET;
    }
  }

  read(quanta) {
    for (let count = 0; count < quanta; count += 1) {
      const [left, right] = [new Float32Array(QUANTUM), new Float32Array(QUANTUM)];
      this.ring.read(this.frame, left, right);
      assert.deepEqual(left, right, "one channel is heard on both sides");
      this.heard.push(...left);
      this.frame += QUANTUM;
    }
    return this.heard;
  }

  /** Read on and on, with packets written in time. */
  play(quanta, options) {
    for (let count = 0; count < quanta; count += 1) {
      const place = this.ring.state()?.place ?? this.written;
      while (this.written < place + 20 * PACKET) this.write(1, options);
      this.read(1);
    }
  }
}

/** Return the smallest and the largest change from one sample to the next. */
function paces(samples) {
  let [least, most] = [Infinity, -Infinity];
  for (let at = 1; at < samples.length; at += 1) {
    least = Math.min(least, samples[at] - samples[at - 1]);
    most = Math.max(most, samples[at] - samples[at - 1]);
  }
  return [least, most];
}

const steps = (samples) => Math.max(...paces(samples).map(Math.abs));

test("nothing is played before anybody knows when it is due", () => {
  const player = new Player(() => 1);
  player.write(5);
  assert.ok(player.read(4).every((value) => value === 0));
});

test("each sample is heard at its frame", () => {
  const player = new Player((at) => at / 1e5);
  player.write(10);
  player.ring.delay = 1000;
  const heard = player.read(60);
  assert.ok(heard.slice(0, 1000).every((value) => value === 0));
  for (const at of [2000, 4321, 7000]) assert.ok(Math.abs(heard[at] - (at - 1000) / 1e5) < 1e-6);
});

test("an output of another rate hears the same pitch", () => {
  const player = new Player((at) => at / 1e5, { ratio: 48000 / 44100 });
  player.write(20);
  player.ring.delay = 0;
  const heard = player.read(100);
  assert.ok(Math.abs(heard[8820] - 9600 / 1e5) < 1e-6);
});

test("a change of the delay is slewed by a hundredth at most, and reached", () => {
  const player = new Player((at) => at);
  player.ring.delay = 0;
  player.play(40);
  player.ring.delay = 4000; // 83 ms later
  player.heard.length = 0;
  player.play(375 * 15);
  const [slowest] = paces(player.heard);
  assert.ok(slowest > 1 - MAX_SLEW - 0.07, `${slowest}`); // float32 counts in sixteenths near 1e6
  const error = player.frame - 4000 - player.ring.state().place;
  assert.ok(Math.abs(error) < 100, `${error}`);
  assert.equal(player.ring.jumps, 0);
});

test("more than half a second is jumped, with a fade and without a click", () => {
  const player = new Player((at) => Math.sin(at / 20));
  player.ring.delay = 0;
  player.play(40);
  player.ring.delay = JUMP_SAMPLES + 1000;
  player.play(600);
  assert.equal(player.ring.jumps, 1);
  assert.ok(steps(player.heard) < 0.06, `${steps(player.heard)}`); // the sine's own is 0.05
  assert.ok(Math.abs(player.frame - JUMP_SAMPLES - 1000 - player.ring.state().place) < 1);
});

test("a tenth of a second is slewed at first, and jumped where it stays", () => {
  const player = new Player(() => 0.5);
  player.ring.delay = 0;
  player.play(40);
  player.ring.delay = 12_000;
  player.play(700);
  assert.equal(player.ring.jumps, 0);
  player.play(100);
  assert.equal(player.ring.jumps, 1);
  assert.ok(Math.abs(player.frame - 12_000 - player.ring.state().place) < 1);
  assert.ok(steps(player.heard) < 0.01);
});

test("a missing packet is silence of its own length, entered and left softly", () => {
  const player = new Player(() => 0.5);
  player.ring.delay = 0;
  player.write(5);
  player.write(1, { skip: true });
  player.write(5);
  const heard = player.read(80);
  const silent = heard.slice(600, 10_000).filter((value) => value === 0).length;
  assert.ok(Math.abs(silent - PACKET) <= 3, `${silent}`);
  assert.ok(Math.abs(heard[6 * PACKET + 600] - 0.5) < 1e-6, "what follows is where it was");
  assert.ok(steps(heard) < 0.01);
});

test("running dry ends softly, and the next packet begins softly", () => {
  const player = new Player(() => 0.5);
  player.ring.delay = 0;
  player.write(5);
  player.read(60);
  player.written = 9 * PACKET;
  player.write(5);
  const heard = player.read(40);
  assert.ok(steps(heard) < 0.01);
  assert.ok(Math.abs(heard[10 * PACKET] - 0.5) < 1e-6);
});

test("what comes too late is counted, and heard as far as it still can be", () => {
  const player = new Player((at) => at / 1e5);
  player.ring.delay = 0;
  player.write(10);
  player.read(10 * 7.5 + 10);
  const place = player.ring.state().place;
  player.ring.write({ place: place - 2000, line: 0, isNew: false, channels: [new Float32Array(960)] });
  assert.equal(player.ring.late, 1);
  player.ring.write({ place: place - 500, line: 0, isNew: false, channels: [new Float32Array(960).fill(1)] });
  assert.equal(player.ring.late, 2);
  player.heard.length = 0;
  assert.ok(Math.max(...player.read(3)) > 0.9);
});

test("an epoch takes the place of what was to come after its beginning", () => {
  const player = new Player(() => 0.25);
  player.ring.delay = 0;
  player.write(20);
  player.read(10);
  player.written = 5 * PACKET;
  player.value = () => -0.25;
  player.write(3, { isNew: true });
  const heard = player.read(100);
  assert.ok(heard[4 * PACKET] === 0.25 && Math.abs(heard[6 * PACKET] + 0.25) < 1e-6);
  assert.ok(heard.slice(8 * PACKET + 10).every((value) => value === 0), "nothing of the old one");
  assert.ok(steps(heard) < 0.01);
});

test("held sound falls silent until an epoch begins", () => {
  const player = new Player(() => 0.5);
  player.ring.delay = 0;
  player.write(20);
  player.read(20);
  player.ring.hold();
  player.read(5);
  player.write(5);
  assert.ok(player.read(40).slice(-40 * QUANTUM).every((value) => value === 0));
  player.write(40, { isNew: true });
  assert.ok(Math.abs(player.read(150).at(-QUANTUM) - 0.5) < 1e-6);
  assert.ok(steps(player.heard) < 0.01);
});

test("a volume of nothing is silence, and is reached without a click", () => {
  const player = new Player(() => 0.5);
  player.ring.delay = 0;
  player.play(20);
  player.ring.volume = 0;
  player.play(20);
  assert.equal(player.heard.at(-1), 0);
  assert.ok(steps(player.heard) < 0.01);
});

test("whatever was held before never comes back a lap later", () => {
  const player = new Player(() => 0.5, { place: 1e10 });
  player.frame = 1e10;
  player.ring.delay = 0;
  player.write(200); // four seconds
  player.read(5);
  player.ring.delay = -4 * 48000; // all of it is passed over
  player.read(10);
  player.heard.length = 0;
  player.written += CAPACITY - 100 * PACKET;
  player.ring.delay = 0;
  player.write(1);
  player.read(Math.ceil((2 * CAPACITY) / QUANTUM));
  assert.ok(player.heard.filter((value) => value !== 0).length <= PACKET);
});

test("sound that goes on for hours at an hour's place keeps its time", () => {
  const place = 48_000 * 86_400 * 10;
  const player = new Player(() => 0.5, { place });
  player.frame = 7;
  player.ring.delay = 7 - place;
  player.play(3000);
  assert.ok(Math.abs(player.ring.state().place - place - 3000 * QUANTUM) < 0.01);
  assert.ok(player.heard.slice(600).every((value) => Math.abs(value - 0.5) < 1e-6));
});
