// The 64-byte head of a FRAME and of a SOUND, and the 16-byte head of a depth map, to plain objects.
// No sockets and no decoding here; who may say what is in messages.js.

export const HEADER_BYTES = 64;
export const DEPTH_HEADER_BYTES = 16;
export const CODECS = Object.freeze({ 1: "h264", 2: "mjpeg" });
export const LAYOUTS = Object.freeze({
  1: "full-sbs", 2: "half-sbs", 3: "full-tb", 4: "half-tb", 5: "cross-eyed", 6: "anaglyph",
  7: "rgb-depth", 8: "debug-grid", 9: "vr180",
});
export const SOUND_RATE_HZ = 48_000;
const OPUS = 1;
const MAX_SOUND_SAMPLES = 5760;
const MAX_SOUND_BYTES = 48 * 1276;
const SOUND_LETTER = "A".charCodeAt(0);
const FLAG_KEY = 0x01;
const FLAG_DISCONT = 0x04;
const VERSION = 1;
const MAX_DEPTH_SIDE_PX = 4096;

export class HeaderError extends Error {}

/** Turn nanoseconds into milliseconds without losing what a double can hold. */
export function msOfNs(ns) {
  return Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;
}

function asciiOf(view, offset) {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}

/** Tell which kind of binary message this is: "frame", "sound", "depth", or null. */
export function kindOf(buffer) {
  if (buffer.byteLength < DEPTH_HEADER_BYTES) return null;
  const view = new DataView(buffer);
  if (view.getUint8(0) === SOUND_LETTER && asciiOf(view, 1) === "SCST") return "sound";
  return { SCST: "frame", SCDP: "depth" }[asciiOf(view, 0)] ?? null;
}

/** Check what the heads of FRAME and SOUND share; returns {view, payload}. */
function openHeader(kind, buffer, offset) {
  const bytes = buffer.byteLength - offset;
  if (bytes < HEADER_BYTES) {
    throw new HeaderError(`${kind}: wanted ${HEADER_BYTES} bytes of header, got ${Math.max(0, bytes)}`);
  }
  const view = new DataView(buffer, offset);
  if (asciiOf(view, 0) !== "SCST") throw new HeaderError(`${kind}: the magic is not SCST`);
  const version = view.getUint8(4);
  if (version !== VERSION) throw new HeaderError(`${kind}: version ${version}; reload the page`);
  const length = view.getUint32(40, true);
  if (length !== bytes - HEADER_BYTES) {
    throw new HeaderError(`${kind}: says ${length} bytes of payload, has ${bytes - HEADER_BYTES}`);
  }
  return { view, payload: new Uint8Array(buffer, offset + HEADER_BYTES, length) };
}

/** Return the fields that mean the same in both; times are milliseconds of the engine's clock. */
function sharedFields(view) {
  return {
    isDiscontinuity: (view.getUint8(5) & FLAG_DISCONT) !== 0,
    epoch: view.getUint32(8, true),
    seq: view.getUint32(12, true),
    srcPtsMs: msOfNs(view.getBigUint64(16, true)),
    captureMs: msOfNs(view.getBigUint64(24, true)),
    sendMs: msOfNs(view.getBigUint64(32, true)),
  };
}

/**
 * Read a FRAME: header fields and a view of its payload (no copy).
 *
 * Times are milliseconds of the engine's clock. Throws HeaderError for another version, an unknown
 * codec or layout, and a payload of another length than the header says.
 */
export function parseFrame(buffer) {
  const { view, payload } = openHeader("FRAME", buffer, 0);
  const codec = CODECS[view.getUint16(6, true)];
  const layout = LAYOUTS[view.getUint16(48, true)];
  if (!codec || !layout) throw new HeaderError("FRAME: unknown codec or layout; reload the page");
  return {
    codec,
    layout,
    isKey: (view.getUint8(5) & FLAG_KEY) !== 0,
    ...sharedFields(view),
    width: view.getUint16(44, true),
    height: view.getUint16(46, true),
    dep: view.getUint16(50, true),
    payload,
  };
}

/**
 * Read a SOUND, one packet of Opus behind the letter A (no copy).
 *
 * Both times are those of the first sample that is to be heard, after `preSkip` of the `samples`.
 * Throws HeaderError like parseFrame, and where its numbers are no packet of sound.
 */
export function parseSound(buffer) {
  const { view, payload } = openHeader("SOUND", buffer, 1);
  if (view.getUint16(6, true) !== OPUS) throw new HeaderError("SOUND: unknown codec; reload the page");
  const channels = view.getUint16(44, true);
  const samples = view.getUint16(46, true);
  const preSkip = view.getUint16(50, true);
  const fits = (channels === 1 || channels === 2) && preSkip < samples && samples <= MAX_SOUND_SAMPLES;
  if (!fits || !payload.length || payload.length > MAX_SOUND_BYTES) {
    throw new HeaderError(
      `SOUND: ${channels} channels, ${samples} samples, ${preSkip} to skip and ` +
        `${payload.length} bytes are no packet of sound`,
    );
  }
  return { ...sharedFields(view), channels, samples, preSkip, payload };
}

/** Read a depth map: seq, size and its bytes (255 is near). Throws HeaderError if they disagree. */
export function parseDepth(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < DEPTH_HEADER_BYTES || asciiOf(view, 0) !== "SCDP") {
    throw new HeaderError("depth map: the magic is not SCDP");
  }
  const width = view.getUint16(8, true);
  const height = view.getUint16(10, true);
  const bytes = buffer.byteLength - DEPTH_HEADER_BYTES;
  const fits = width > 0 && height > 0 && Math.max(width, height) <= MAX_DEPTH_SIDE_PX;
  if (!fits || width * height !== bytes) {
    throw new HeaderError(`depth map: ${width}×${height} does not match ${bytes} bytes`);
  }
  const values = new Uint8Array(buffer, DEPTH_HEADER_BYTES, bytes);
  return { seq: view.getUint32(4, true), width, height, values };
}
