// Bytes for the tests: those of the protocol's definition, and builders for broken ones.

export const bytesOf = (hex) => Uint8Array.from(hex.match(/[0-9a-f]{2}/g), (byte) => parseInt(byte, 16));

/** The golden FRAME of SCST/1: header and the payload "123456789". */
export const GOLDEN_FRAME = bytesOf(
  "53 43 53 54 01 09 01 00 01 00 00 00 07 00 00 00" +
    "55 62 e8 0d 00 00 00 00 00 ca 9a 3b 00 00 00 00" +
    "80 60 33 3c 00 00 00 00 09 00 00 00 00 0a d0 02" +
    "01 00 00 00 83 92 06 e3 00 00 00 00 00 00 00 00" +
    "31 32 33 34 35 36 37 38 39",
);

/** The golden SOUND, as the gateway sends it: its letter, header and the payload "123456789". */
const GOLDEN_SOUND = bytesOf(
  "41" +
    "53 43 53 54 01 04 01 00 02 00 00 00 07 00 00 00" +
    "55 62 e8 0d 00 00 00 00 00 ca 9a 3b 00 00 00 00" +
    "80 60 33 3c 00 00 00 00 09 00 00 00 02 00 c0 03" +
    "00 00 38 01 83 92 06 e3 00 00 00 00 00 00 00 00" +
    "31 32 33 34 35 36 37 38 39",
);

/** The golden sound with some bytes of its header replaced, as a buffer. */
export function goldenSoundWith(offset = 0, bytes = []) {
  const copy = GOLDEN_SOUND.slice();
  copy.set(bytes, 1 + offset);
  return copy.buffer;
}

/** Written by libx264 ultrafast zerolatency for 2560×720 at 30 fps. */
export const SPS = bytesOf("6742c028da00a005ba6a0202034a000003000200000300791e306540");

/** The golden frame with some bytes replaced, as a buffer. */
export function goldenWith(offset = 0, bytes = []) {
  const copy = GOLDEN_FRAME.slice();
  copy.set(bytes, offset);
  return copy.buffer;
}

/** A depth map message. */
export function depthMessage(width, height, values) {
  const buffer = new ArrayBuffer(16 + values.length);
  const view = new DataView(buffer);
  [..."SCDP"].forEach((letter, index) => view.setUint8(index, letter.charCodeAt(0)));
  view.setUint32(4, 70000, true);
  view.setUint16(8, width, true);
  view.setUint16(10, height, true);
  new Uint8Array(buffer, 16).set(values);
  return buffer;
}
