// The words of CUDA C++ that kernels use, for a C++20 compiler; `machine.h` runs them.
//
// Kept to what is exact on both sides: there are no float atomics and no approximate intrinsics
// (__expf, rsqrtf), so that code which uses them does not compile here. Divisions, square roots
// and conversions round as on a GPU without fast maths; expf, powf and their like may differ there
// in the last bits. `__shared__` inside a function needs internal linkage (extern "C" kernels are
// fine; put templates and inline functions with shared variables into an unnamed namespace).
#pragma once

#include <math.h>
#include <stdlib.h>

#include <bit>
#include <type_traits>
#include <utility>

#include "faults.h"

#define __CUDACC__ 1  // after the system's headers, which would take it for nvcc
#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__ static __attribute__((section("cuda_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

#define __syncthreads() ::cuda_on_cpu::wait_for_block(__LINE__)
#define __syncthreads_count(condition) ::cuda_on_cpu::count_block((condition) ? 1 : 0, __LINE__)
#define __syncthreads_or(condition) (__syncthreads_count(condition) > 0 ? 1 : 0)
#define __syncthreads_and(condition) (__syncthreads_count(!(condition)) == 0 ? 1 : 0)
#define __syncwarp(...) ::cuda_on_cpu::sync_warp(__LINE__ __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_sync(mask, value, ...) ::cuda_on_cpu::shuffle(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_up_sync(mask, value, ...) \
  ::cuda_on_cpu::shuffle_up(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_down_sync(mask, value, ...) \
  ::cuda_on_cpu::shuffle_down(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_xor_sync(mask, value, ...) \
  ::cuda_on_cpu::shuffle_xor(__LINE__, mask, value, __VA_ARGS__)
#define __ballot_sync(mask, condition) ::cuda_on_cpu::ballot(__LINE__, mask, condition)
#define __any_sync(mask, condition) (__ballot_sync(mask, condition) != 0 ? 1 : 0)
#define __all_sync(mask, condition) (__ballot_sync(mask, !(condition)) == 0 ? 1 : 0)

namespace cuda_on_cpu {

inline void sync_warp(int line, unsigned mask = ~0u) { wait_for_warp(mask, line); }

// The block waits three times: to begin at zero, to have counted everybody, to have read the count.
inline int count_block(int share, int line) {
  tally() = 0;
  wait_for_block(line);
  tally() += share;
  wait_for_block(line);
  const int count = tally();
  wait_for_block(line);
  return count;
}

template <typename T>
T read_lane(int line, unsigned mask, T value, unsigned lane) {
  static_assert(sizeof(T) <= 8 && std::is_arithmetic_v<T>);
  unsigned long long* slot = slots();
  memcpy(&slot[cuda_on_cpu::lane()], &value, sizeof value);
  wait_for_warp(mask, line);
  if (!(mask >> lane & 1u)) fail(line, "reads lane %u, which the mask leaves out", lane);
  memcpy(&value, &slot[lane], sizeof value);
  wait_for_warp(mask, line);
  return value;
}

// Lanes outside the segment of `width` lanes keep their own value.
template <typename T>
T shuffle(int line, unsigned mask, T value, int source, int width = 32) {
  const unsigned lane = cuda_on_cpu::lane(), within = static_cast<unsigned>(source) % width;
  return read_lane(line, mask, value, lane / width * width + within);
}

template <typename T>
T shuffle_up(int line, unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = cuda_on_cpu::lane();
  return read_lane(line, mask, value, lane % width < delta ? lane : lane - delta);
}

template <typename T>
T shuffle_down(int line, unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = cuda_on_cpu::lane(), within = lane % width + delta;
  return read_lane(line, mask, value, within >= static_cast<unsigned>(width) ? lane : lane + delta);
}

template <typename T>
T shuffle_xor(int line, unsigned mask, T value, int bits, int width = 32) {
  const unsigned lane = cuda_on_cpu::lane(), other = lane ^ static_cast<unsigned>(bits);
  return read_lane(line, mask, value, other / width > lane / width ? lane : other);
}

inline unsigned ballot(int line, unsigned mask, int condition) {
  unsigned long long* slot = slots();
  for (unsigned i = 0; i < 32; ++i) {
    if (mask >> i & 1u) slot[i] = 0;  // lanes that have ended do not vote
  }
  wait_for_warp(mask, line);
  slot[lane()] = condition != 0;
  wait_for_warp(mask, line);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if (mask >> i & 1u) votes |= static_cast<unsigned>(slot[i]) << i;
  }
  wait_for_warp(mask, line);
  return votes;
}

// "u8*" and the like: what the Python side checks arguments against; "*" alone takes any tensor.
template <typename T>
void describe(char*& text) {
  if constexpr (std::is_pointer_v<T>) {
    using Element = std::remove_cv_t<std::remove_pointer_t<T>>;
    if constexpr (std::is_arithmetic_v<Element>) describe<Element>(text);
    *text++ = '*';
  } else {
    static_assert(std::is_arithmetic_v<T>, "kernels take numbers and pointers");
    *text++ = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
    const char* bits = sizeof(T) == 1 ? "8" : sizeof(T) == 2 ? "16" : sizeof(T) == 4 ? "32" : "64";
    while (*bits) *text++ = *bits++;
  }
}

template <auto kKernel>
struct Kernel;

template <typename... Parameters, void (*kKernel)(Parameters...)>
struct Kernel<kKernel> {
  static void call(void** arguments) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      kKernel(*static_cast<std::remove_cv_t<Parameters>*>(arguments[I])...);
    }(std::index_sequence_for<Parameters...>{});
  }

  static const char* signature() {
    static char text[5 * sizeof...(Parameters) + 1];
    char* end = text;
    (((describe<Parameters>(end)), *end++ = ' '), ...);
    return text;
  }
};

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_VISIBLE extern "C" __attribute__((visibility("default")))
#define CUDA_ON_CPU_EXPORT(name)                                                    \
  CUDA_ON_CPU_VISIBLE const char* signature_of_##name() {                           \
    return cuda_on_cpu::Kernel<&name>::signature();                                 \
  }                                                                                 \
  CUDA_ON_CPU_VISIBLE const char* run_##name(const cuda_on_cpu::Launch* launch,     \
                                             void** arguments) {                    \
    return cuda_on_cpu::run(*launch, &cuda_on_cpu::Kernel<&name>::call, arguments); \
  }

#include "intrinsics.h"
