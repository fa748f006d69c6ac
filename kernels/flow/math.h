// The arithmetic of block matching, shared by the CPU and the CUDA kernels: integers only.
//
// Displacements inside are whole pixels of a pyramid level; results are sixteenths of a pixel.
#pragma once

#include "portable.h"

namespace stereocast::flow {

constexpr int kBlock = 8;       // a block is 8×8 pixels
constexpr int kBefore = 3;      // of them before its own pixel, each way
constexpr int kSearch = 8;      // quarter-level pixels searched each way: 32 of the picture
constexpr int kStepCost = 16;   // what a step away from rest costs there, in summed differences
constexpr int kSubpixel = 16;   // steps per pixel of a result
constexpr int kBox = 2;         // the still test sums cells this far each way: 5×5
constexpr int kCandidates = 6;  // rest, the own vector from the level above, its neighbours'
constexpr int kHalfReach = 2;   // how many cells away those neighbours are, on the half level
constexpr int kFullReach = 4;   // and on the full one: beyond a patch that went astray
constexpr int kRing = 8;        // then the eight displacements around the best of them

STEREOCAST_BOTH int grey(int red, int green, int blue) { return (red + 2 * green + blue + 2) >> 2; }

STEREOCAST_BOTH int to_byte(float value) {
  return static_cast<int>(floorf(fminf(fmaxf(value, 0.0f), 1.0f) * 255.0f + 0.5f));
}

STEREOCAST_BOTH int clamp(int value, int low, int high) {
  return value < low ? low : (value > high ? high : value);
}

STEREOCAST_BOTH int absolute(int value) { return value < 0 ? -value : value; }

// Offset of the minimum, in sixteenths within half a pixel, from the costs at −1, 0 and +1. A
// perfect match stays where it is: the slopes to its sides say nothing.
STEREOCAST_BOTH int vertex(int before, int here, int after) {
  const int bend = before - 2 * here + after;
  if (here == 0 || bend <= 0) return 0;
  const int slope = kSubpixel / 2 * (before - after);
  const int size = (2 * absolute(slope) + bend) / (2 * bend);
  const int limited = size < kSubpixel / 2 ? size : kSubpixel / 2;
  return slope < 0 ? -limited : limited;
}

// Bilinear mix of four bytes with shares in sixteenths, rounded.
STEREOCAST_BOTH int mix(int a, int b, int c, int d, int share_x, int share_y) {
  const int top = a * (kSubpixel - share_x) + b * share_x;
  const int bottom = c * (kSubpixel - share_x) + d * share_x;
  return (top * (kSubpixel - share_y) + bottom * share_y + kSubpixel * kSubpixel / 2) >> 8;
}

// The n-th displacement of the ring around a centre: sides first, then corners.
STEREOCAST_BOTH int ring_x(int n) {
  constexpr int kX[kRing] = {0, -1, 1, 0, -1, 1, -1, 1};
  return kX[n];
}
STEREOCAST_BOTH int ring_y(int n) {
  constexpr int kY[kRing] = {-1, 0, 0, 1, -1, -1, 1, 1};
  return kY[n];
}

}  // namespace stereocast::flow
