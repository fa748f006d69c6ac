// The 64-byte head of a FRAME and the 16-byte head of a depth map, bytes to plain objects.
// No sockets and no decoding here; who may say what is in messages.js.

export const HEADER_BYTES = 64;
export const DEPTH_HEADER_BYTES = 16;
export const CODECS = Object.freeze({ 1: "h264", 2: "mjpeg" });
export const LAYOUTS = Object.freeze({
  1: "full-sbs", 2: "half-sbs", 3: "full-tb", 4: "half-tb", 5: "cross-eyed", 6: "anaglyph",
  7: "rgb-depth", 8: "debug-grid", 9: "vr180",
});
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

/** Tell which kind of binary message this is: "frame", "depth", or null. */
export function kindOf(buffer) {
  if (buffer.byteLength < DEPTH_HEADER_BYTES) return null;
  return { SCST: "frame", SCDP: "depth" }[asciiOf(new DataView(buffer), 0)] ?? null;
}

/**
 * Read a FRAME: header fields and a view of its payload (no copy).
 *
 * Times are milliseconds of the engine's clock. Throws HeaderError for another version, an unknown
 * codec or layout, and a payload of another length than the header says.
 */
export function parseFrame(buffer) {
  if (buffer.byteLength < HEADER_BYTES) {
    throw new HeaderError(`FRAME: wanted ${HEADER_BYTES} bytes of header, got ${buffer.byteLength}`);
  }
  const view = new DataView(buffer);
  if (asciiOf(view, 0) !== "SCST") throw new HeaderError("FRAME: the magic is not SCST");
  const version = view.getUint8(4);
  if (version !== VERSION) throw new HeaderError(`FRAME: version ${version}; reload the page`);
  const codec = CODECS[view.getUint16(6, true)];
  const layout = LAYOUTS[view.getUint16(48, true)];
  const length = view.getUint32(40, true);
  if (!codec || !layout) throw new HeaderError("FRAME: unknown codec or layout; reload the page");
  if (length !== buffer.byteLength - HEADER_BYTES) {
    throw new HeaderError(
      `FRAME: says ${length} bytes of payload, has ${buffer.byteLength - HEADER_BYTES}`,
    );
  }
  const flags = view.getUint8(5);
  return {
    codec,
    layout,
    isKey: (flags & FLAG_KEY) !== 0,
    isDiscontinuity: (flags & FLAG_DISCONT) !== 0,
    epoch: view.getUint32(8, true),
    seq: view.getUint32(12, true),
    srcPtsMs: msOfNs(view.getBigUint64(16, true)),
    captureMs: msOfNs(view.getBigUint64(24, true)),
    sendMs: msOfNs(view.getBigUint64(32, true)),
    width: view.getUint16(44, true),
    height: view.getUint16(46, true),
    dep: view.getUint16(50, true),
    payload: new Uint8Array(buffer, HEADER_BYTES, length),
  };
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
