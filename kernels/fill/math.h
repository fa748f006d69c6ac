// What a hole pixel takes from its row and from the pyramid, shared by the CPU and CUDA fills.
#pragma once

#include "portable.h"

namespace stereocast::fill {

// Shares of the four cells under a cell (pull), and of the two nearest cells above one (push).
constexpr float kOuter = 0.125f, kInner = 0.375f;
constexpr float kNear = 0.75f, kFar = 0.25f;

// Binary exponents of a weight beyond this bound are cut: sums and products stay normal floats.
constexpr float kLargestExponent = 60.0f;

// How much a pixel counts in the pyramid, as the bits of a float: about 2^(-rate · disparity), so
// that what is farther outweighs what is nearer. Linear between powers of two: exact everywhere.
STEREOCAST_BOTH int weight_bits(float disparity, float rate) {
  float exponent = -disparity * rate;
  exponent = exponent > -kLargestExponent ? exponent : -kLargestExponent;
  exponent = exponent < kLargestExponent ? exponent : kLargestExponent;
  return static_cast<int>((exponent + 127.0f) * 8388608.0f);
}

// Cells of level n + 1 beside cell i of level n: the one above it, and the second nearest.
STEREOCAST_BOTH int parent(int i) { return i >> 1; }
STEREOCAST_BOTH int second_parent(int i, int count) {
  const int second = (i >> 1) + ((i & 1) ? 1 : -1);
  return second < 0 ? 0 : second < count ? second : count - 1;
}

// A run of holes in a row: [begin, end); begin - 1 and end have colour if they are in the frame.
struct Run {
  int begin, end;
  float left, right;  // disparity of those neighbours
  bool has_left, has_right;
};

enum Source { kNobody, kLeft, kRight, kBoth };

// Where level 1 takes the colour of a run from.
STEREOCAST_BOTH Source source_of(const Run& run, int narrow) {
  const bool both = run.has_left && run.has_right;
  if (both && (run.end - run.begin <= narrow || run.left == run.right)) return kBoth;
  if (run.has_left && (!run.has_right || run.left < run.right)) return kLeft;
  return run.has_right ? kRight : kNobody;
}

STEREOCAST_BOTH bool is_narrow(const Run& run, int narrow) {
  return run.has_left && run.has_right && run.end - run.begin <= narrow;
}

// The value `position` steps of `gap` on the way from `first` to `second`.
STEREOCAST_BOTH float mix(float first, float second, int position, int gap) {
  const float share = static_cast<float>(position) / static_cast<float>(gap);
  return first + share * (second - first);
}
STEREOCAST_BOTH unsigned char mix(unsigned char first, unsigned char second, int position,
                                  int gap) {
  const int total = first * (gap - position) + second * position;
  return static_cast<unsigned char>((total + gap / 2) / gap);
}

template <typename T>
STEREOCAST_BOTH T level_one(Source source, T left, T right, T own, int position, int gap) {
  if (source == kBoth) return mix(left, right, position, gap);
  return source == kLeft ? left : source == kRight ? right : own;
}

STEREOCAST_BOTH float lean(float value, float neighbour, float feather) {
  return value + feather * (neighbour - value);
}

STEREOCAST_BOTH void store(float value, float* target) { *target = value; }
STEREOCAST_BOTH void store(float value, unsigned char* target) {
  *target = static_cast<unsigned char>(static_cast<int>(value + 0.5f));
}

}  // namespace stereocast::fill
