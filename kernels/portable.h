// What lets one header serve the CPU kernels and the CUDA kernels alike.
//
// Code shared by both uses built-in types and the functions named here only: NVRTC, which compiles
// the kernels on the user's machine, has no standard library. Both sides are compiled without
// contraction into fused multiply-adds, so that they agree bit for bit.
#pragma once

#if defined(__CUDACC__)
#define STEREOCAST_BOTH __host__ __device__ inline
#else
#define STEREOCAST_BOTH inline
#endif

#if !defined(__CUDACC_RTC__)
#include <math.h>  // floorf, ceilf, fabsf, fminf, fmaxf: built in under NVRTC
#endif

// The bits of a float as an unsigned number, and back.
STEREOCAST_BOTH unsigned float_bits(float value) {
#if defined(__CUDACC__)
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(unsigned, value);
#endif
}

STEREOCAST_BOTH float bits_float(unsigned bits) {
#if defined(__CUDACC__)
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}
