// The arithmetic of a selective scan, shared by the CPU and the CUDA kernels: the same order of
// sums in the sequence, the step and the block's token, so that all agree bit for bit.
#pragma once

#include "exponential.h"
#include "scan/half.h"

namespace stereocast::scan {

constexpr int kLanes = 8;  // a sum is that of 8 partial sums, of every eighth term

STEREOCAST_BOTH float total(const float* lanes) {
  const float a = lanes[0] + lanes[4], b = lanes[1] + lanes[5];
  const float c = lanes[2] + lanes[6], d = lanes[3] + lanes[7];
  return (a + c) + (b + d);
}

// Moves the state of one channel on by a token and returns what comes out of it: h, a, b and c have
// `size` values. The new state may take the place of the old one.
template <int kCount>
STEREOCAST_BOTH void advance_lanes(const float* h, const float* a, const float* b, const float* c,
                                   float dt, float x, float* next, float* sums, int count) {
  const int lanes = kCount > 0 ? kCount : count;
  float state[kLanes];  // all is read before anything is written, or the loops would not vectorise
  for (int j = 0; j < lanes; ++j) state[j] = exponential(dt * a[j]) * h[j] + x * b[j];
  for (int j = 0; j < lanes; ++j) sums[j] += state[j] * c[j];
  for (int j = 0; j < lanes; ++j) next[j] = state[j];
}

STEREOCAST_BOTH float advance(const float* h, const float* a, const float* b, const float* c,
                              int size, float dt, float x, float* next) {
  float sums[kLanes] = {};
  const float scaled = dt * x;
  int n = 0;
  for (; n + kLanes <= size; n += kLanes) {
    advance_lanes<kLanes>(h + n, a + n, b + n, c + n, dt, scaled, next + n, sums, kLanes);
  }
  if (n < size) {
    advance_lanes<0>(h + n, a + n, b + n, c + n, dt, scaled, next + n, sums, size - n);
  }
  return total(sums);
}

// The depthwise convolution of one channel: `past` holds width - 1 inputs, oldest first.
template <typename T>
STEREOCAST_BOTH float convolve(const float* weights, const T* past, int width, float x,
                               float bias) {
  float sum = weights[0] * widen(past[0]);
  for (int k = 1; k < width - 1; ++k) sum += weights[k] * widen(past[k]);
  return sum + weights[width - 1] * x + bias;
}

}  // namespace stereocast::scan
