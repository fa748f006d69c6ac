// exp and log, and what is made of them, for the CPU and the CUDA kernels alike: the same bits on
// both, and loops over them vectorise. Within 2 units in the last place of the true values.
#pragma once

#include "portable.h"

namespace stereocast {

// 0 below exp(-87), infinite above exp(88.3): neither side makes subnormal numbers, which are slow.
STEREOCAST_BOTH float exponential(float x) {
  constexpr float kMagic = 12582912.0f;  // adding it rounds to a whole number
  const float low = x < -87.0f ? -87.0f : x;
  const float bounded = low > 88.3f ? 88.3f : low;
  const float shifted = bounded * 1.44269504f + kMagic;
  const float whole = shifted - kMagic;
  // log 2 in two parts: the product of the first with a whole number is exact.
  const float r = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float mantissa = (p * (r * r) + r) + 1.0f;
  const float value = mantissa * bits_float((float_bits(shifted) << 23) + 0x3F800000u);
  const float above = x > 88.3f ? bits_float(0x7F800000u) : value;
  return x < -87.0f ? 0.0f : above;
}

// log of normal numbers; -infinite at 0, no number below it.
STEREOCAST_BOTH float logarithm(float x) {
  // x is m times a power of two, m from sqrt(1/2) to sqrt(2).
  const unsigned bits = float_bits(x) - 0x3F3504F3u;
  const float power = static_cast<float>(static_cast<int>(bits) >> 23);
  const float r = bits_float((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f, q = r * r;
  float p = 7.0376836292e-2f;
  p = p * r - 1.1514610310e-1f;
  p = p * r + 1.1676998740e-1f;
  p = p * r - 1.2420140846e-1f;
  p = p * r + 1.4249322787e-1f;
  p = p * r - 1.6668057665e-1f;
  p = p * r + 2.0000714765e-1f;
  p = p * r - 2.4999993993e-1f;
  p = p * r + 3.3333331174e-1f;
  const float tail = r * (q * p) - power * 2.12194440e-4f - 0.5f * q;
  const float value = (r + tail) + power * 0.693359375f;
  const float none = bits_float(x == 0.0f ? 0xFF800000u : 0x7FC00000u);
  return x > 0.0f ? value : none;
}

// log(1 + x) for x in [0, 1]: twice the inverse hyperbolic tangent of x / (2 + x).
STEREOCAST_BOTH float log_1_plus(float x) {
  const float s = x / (2.0f + x), q = s * s;
  float p = 1.0f / 15.0f;
  p = p * q + 1.0f / 13.0f;
  p = p * q + 1.0f / 11.0f;
  p = p * q + 1.0f / 9.0f;
  p = p * q + 1.0f / 7.0f;
  p = p * q + 1.0f / 5.0f;
  p = p * q + 1.0f / 3.0f;
  return 2.0f * (s + s * (q * p));
}

// log(1 + exp(x)).
STEREOCAST_BOTH float softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + log_1_plus(exponential(-fabsf(x)));
}

STEREOCAST_BOTH float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

STEREOCAST_BOTH float silu(float x) { return x / (1.0f + exponential(-x)); }

STEREOCAST_BOTH float tanh_of(float x) {
  const float t = exponential(-2.0f * fabsf(x)), size = (1.0f - t) / (1.0f + t);
  return x < 0.0f ? -size : size;
}

}  // namespace stereocast
