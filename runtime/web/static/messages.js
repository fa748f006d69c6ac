// The JSON half of the conversation with the gateway: what is believed, and how things are said.
// Text in, checked plain objects out; a message that breaks the rules is an error, never half used.

import { msOfNs } from "./header.js";

export class MessageError extends Error {}

const MAX_REASON = 200;
const CONTROLS = Object.freeze(["strength", "convergence", "comfort", "balance"]);
const isText = (value) => typeof value === "string" && value.length <= 65536;
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isSize = (value) => Number.isInteger(value) && value > 0 && value <= 65535;
const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function need(condition, kind, field) {
  if (!condition) throw new MessageError(`${kind}: field ${field} is missing or wrong`);
}

function numbersOf(map) {
  if (!isMap(map)) return {};
  return Object.fromEntries(Object.entries(map).filter(([, value]) => isNumber(value)));
}

/** Read engine nanoseconds, said as a decimal string (a JSON number would round) or a number. */
function engineMs(value, kind, field) {
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return msOfNs(BigInt(value));
  need(isNumber(value) && value >= 0, kind, field);
  return value / 1e6;
}

function readStream(map) {
  const kind = map.t;
  need(map.codec === "h264" || map.codec === "mjpeg", kind, "codec");
  need(isText(map.codec_string), kind, "codec_string");
  need(isSize(map.w), kind, "w");
  need(isSize(map.h), kind, "h");
  need(isText(map.layout), kind, "layout");
  need(isNumber(map.fps) && map.fps > 0, kind, "fps");
  const ranges = {};
  for (const name of CONTROLS) {
    const range = isMap(map.ranges) ? map.ranges[name] : null;
    if (Array.isArray(range) && range.length === 2 && range.every(isNumber) && range[0] < range[1]) {
      ranges[name] = range;
    }
  }
  return {
    t: kind,
    session: isText(map.session) ? map.session : "",
    codec: map.codec,
    codecString: map.codec_string,
    width: map.w,
    height: map.h,
    layout: map.layout,
    fps: map.fps,
    canSeek: map.can_seek === true,
    durationS: isNumber(map.duration_s) && map.duration_s > 0 ? map.duration_s : null,
    isLive: map.live === true,
    hasSound: isMap(map.audio) && map.audio.codec === "opus",
    controls: numbersOf(map.controls),
    ranges,
  };
}

function readInfo(map) {
  need(Number.isInteger(map.seq) && map.seq >= 0, "info", "seq");
  const stamps = {};
  for (const [name, value] of Object.entries(isMap(map.stamps) ? map.stamps : {})) {
    if (/^t\d{1,2}$/.test(name)) stamps[name] = engineMs(value, "info", `stamps.${name}`);
  }
  return { t: "info", seq: map.seq, stamps, facts: numbersOf(map.facts) };
}

function readPong(map) {
  need(isNumber(map.t1), "pong", "t1");
  need(isNumber(map.err_us) && map.err_us >= 0, "pong", "err_us");
  const [t2Ms, t3Ms] = [engineMs(map.t2_ns, "pong", "t2_ns"), engineMs(map.t3_ns, "pong", "t3_ns")];
  return { t: "pong", t1Ms: map.t1, t2Ms, t3Ms, errorMs: map.err_us / 1000 };
}

function readWords(map) {
  need(isText(map.text), map.t, "text");
  const code = isText(map.code) ? map.code : "";
  const level = isText(map.level) ? map.level : "info";
  return { t: map.t, level, code, text: map.text, again: map.again === true };
}

const READERS = Object.freeze({
  welcome: readStream,
  reconfig: readStream,
  info: readInfo,
  pong: readPong,
  notice: readWords,
  end: readWords,
});

/** Read one text message; null for a kind that this page does not know. Throws MessageError. */
export function readMessage(text) {
  let map;
  try {
    map = JSON.parse(text);
  } catch {
    throw new MessageError("a text message is not JSON");
  }
  need(isMap(map) && isText(map.t), "message", "t");
  return Object.hasOwn(READERS, map.t) ? READERS[map.t](map) : null;
}

/** What the page says, each as the object that goes over the wire. */
export const say = Object.freeze({
  credit: (n, lastSeq, ageMs, queue) => ({
    t: "credit",
    n,
    last_seq: lastSeq ?? null,
    age_us: ageMs === null || ageMs === undefined ? null : Math.max(0, Math.round(ageMs * 1000)),
    queue,
  }),
  key: (reason, lastGoodSeq) => ({
    t: "key",
    reason: reason.slice(0, MAX_REASON),
    last_good_seq: lastGoodSeq ?? null,
  }),
  ping: (nowMs) => ({ t: "ping", t1: nowMs }),
  quality: (wishes) => ({
    t: "quality",
    ...Object.fromEntries(Object.entries(wishes).filter(([name]) => CONTROLS.includes(name))),
  }),
  pause: (paused) => ({ t: "playback", paused }),
  seek: (seconds) => ({ t: "playback", seek_s: Math.max(0, seconds) }),
  depth: (on) => ({ t: "depth", on }),
  sound: (on) => ({ t: "sound", on }),
});
