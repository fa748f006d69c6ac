// What an H.264 access unit says about itself: its NAL units and the codec string of its SPS.
// A decoder configured with the real string uses hardware; a guessed level may silently cost that.
// Source: ITU-T H.264, clauses 7.3.1, 7.3.2.1.1 and Annex B.

const NAL_IDR = 5;
const NAL_SPS = 7;

/** List the NAL units of an Annex-B stream as [offset, end) pairs, start codes left out. */
export function nalUnits(stream) {
  const starts = [];
  for (let index = 0; index + 3 <= stream.length; index += 1) {
    if (stream[index + 2] > 1) index += 2; // no start code can begin at any of these three bytes
    else if (stream[index] === 0 && stream[index + 1] === 0 && stream[index + 2] === 1) {
      starts.push(index + 3);
      index += 2;
    }
  }
  return starts.map((start, number) => {
    let end = number + 1 < starts.length ? starts[number + 1] - 3 : stream.length;
    while (end > start && stream[end - 1] === 0) end -= 1;
    return [start, end];
  });
}

/** Return whether a stream holds an IDR picture: pictures after it need nothing older. */
export function hasIdr(stream) {
  return nalUnits(stream).some(([start]) => (stream[start] & 31) === NAL_IDR);
}

/** Return the RFC 6381 name (avc1.PPCCLL) of the first SPS, or null where there is none. */
export function codecString(stream) {
  for (const [start, end] of nalUnits(stream)) {
    if ((stream[start] & 31) !== NAL_SPS || end - start < 4) continue;
    const name = [...stream.subarray(start + 1, start + 4)];
    return `avc1.${name.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  return null;
}
