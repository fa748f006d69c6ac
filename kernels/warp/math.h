// The geometry of one source segment and the z-test, shared by the CPU and CUDA warps.
//
// A segment lies between two neighbouring source pixels. Its ends land at `begin` and `end` (target
// columns, half-open); along it disparity and source column change linearly.
#pragma once

#include "portable.h"

namespace stereocast::warp {

// Where source columns lie in the view: as they are, or in a view of half the width, whose pixel
// centres lie between those of two columns. `reach` is half a source pixel.
struct Grid {
  float scale, offset, reach;

  STEREOCAST_BOTH float target(float column, float gain, float disparity) const {
    return (column + gain * disparity) * scale + offset;
  }
};

STEREOCAST_BOTH Grid grid_of(bool half_width) {
  return half_width ? Grid{0.5f, -0.25f, 0.25f} : Grid{1.0f, 0.0f, 0.5f};
}

struct Segment {
  float begin, end;
  float disparity, change;  // at `begin`, and from there to `end`
  float column, step;       // likewise for the source column
};

// What lands on a target is one number, so that the larger one wins on every device: above, the
// disparity in an order-preserving form; below, the source column. Equal disparities leave the
// decision to the larger column. Nothing lies infinitely far, at column -1.
using Key = unsigned long long;
constexpr Key kNothing = 0x007FFFFFBF800000ull;

// Order-preserving for all floats; adding zero makes one zero of both.
STEREOCAST_BOTH unsigned ordered(float value) {
  const unsigned bits = float_bits(value + 0.0f);
  return bits ^ (static_cast<unsigned>(static_cast<int>(bits) >> 31) | 0x80000000u);
}
STEREOCAST_BOTH float unordered(unsigned code) {
  return bits_float(code ^ (static_cast<unsigned>(static_cast<int>(~code) >> 31) | 0x80000000u));
}

STEREOCAST_BOTH Key key_of(float disparity, float column) {
  return static_cast<Key>(ordered(disparity)) << 32 | float_bits(column + 0.0f);
}
STEREOCAST_BOTH float disparity_of(Key key) { return unordered(static_cast<unsigned>(key >> 32)); }
STEREOCAST_BOTH float column_of(Key key) { return bits_float(static_cast<unsigned>(key)); }

// Calls land(target, key) for every target inside [0, width) that the segment covers.
template <typename Land>
STEREOCAST_BOTH void draw(const Segment& segment, int width, const Land& land) {
  for (float target = ceilf(segment.begin); target < segment.end; target += 1.0f) {
    if (target < 0.0f) continue;
    if (!(target < static_cast<float>(width))) return;
    const float share = (target - segment.begin) / (segment.end - segment.begin);
    const float disparity = segment.disparity + share * segment.change;
    if (disparity == disparity) {
      land(static_cast<int>(target), key_of(disparity, segment.column + share * segment.step));
    }
  }
}

// Draws what lies between source columns x and x + 1, at targets `begin` and `end`: one segment, or
// what either surface keeps where they are torn apart.
template <typename Land>
STEREOCAST_BOTH void draw_between(int x, float begin, float end, float disparity,
                                  float next_disparity, const Grid& grid, float tear, int width,
                                  const Land& land) {
  const float column = static_cast<float>(x), change = next_disparity - disparity;
  if (fabsf(change) > tear) {
    draw({begin, begin + grid.reach, disparity, 0.0f, column, 0.0f}, width, land);
    draw({end - grid.reach, end, next_disparity, 0.0f, column + 1.0f, 0.0f}, width, land);
  } else {
    draw({begin, end, disparity, change, column, 1.0f}, width, land);
  }
}

// Draws the half pixel beyond the first (side -1) or the last (side +1) source column.
template <typename Land>
STEREOCAST_BOTH void draw_beyond(int x, float target, float disparity, int side, const Grid& grid,
                                 int width, const Land& land) {
  const float begin = side < 0 ? target - grid.reach : target;
  const float end = side < 0 ? target : target + grid.reach;
  draw({begin, end, disparity, 0.0f, static_cast<float>(x), 0.0f}, width, land);
}

// The value of a full-width view at the source column `left + share`.
STEREOCAST_BOTH float sample(float first, float second, float share) {
  return first + share * (second - first);
}

// The mean of two such values one source column apart: what a view of half the width shows.
STEREOCAST_BOTH float sample_pair(float first, float second, float third, float share) {
  return 0.5f * ((first + second) + share * (third - first));
}

}  // namespace stereocast::warp
