// Half-precision numbers as their 16 bits, for kernels without a standard library.
#pragma once

#include "portable.h"

namespace stereocast {

struct Half {
  unsigned short bits;
};

STEREOCAST_BOTH float widen(float value) { return value; }

STEREOCAST_BOTH float widen(Half half) {
  const unsigned sign = (half.bits & 0x8000u) << 16, size = half.bits & 0x7FFFu;
  // Subnormal numbers by a product that is exact; infinities and NaN keep an exponent of all ones.
  if (size >= 0x7C00u) return bits_float(sign | 0x7F800000u | (size & 0x3FFu) << 13);
  const float scaled = bits_float(size << 13) * bits_float(239u << 23);  // 2^112
  return bits_float(float_bits(scaled) | sign);
}

STEREOCAST_BOTH void narrow(float value, float* out) { *out = value; }

// To the nearest half, of two equally near to the even one.
STEREOCAST_BOTH void narrow(float value, Half* out) {
  const unsigned bits = float_bits(value), sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
  unsigned half;
  if (size > 0x7F800000u) {
    half = 0x7E00u;
  } else if (size >= 0x477FF000u) {  // 65520 and above
    half = 0x7C00u;
  } else if (size < 0x38800000u) {  // below 2^-14: a sum with 1/2 rounds to units of 2^-24
    half = float_bits(bits_float(size) + 0.5f) - 0x3F000000u;
  } else {
    half = (size - 0x38000000u + 0xFFFu + (size >> 13 & 1u)) >> 13;
  }
  out->bits = static_cast<unsigned short>(sign | half);
}

}  // namespace stereocast
