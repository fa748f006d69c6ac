// CUDA's built-in functions and vector types that are exact on both sides.
#pragma once

#include <bit>
#include <type_traits>

#define CUDA_ON_CPU_VECTORS(scalar, prefix)                                \
  struct alignas(2 * sizeof(scalar)) prefix##2 { scalar x, y; };           \
  struct alignas(4 * sizeof(scalar)) prefix##4 { scalar x, y, z, w; };     \
  inline prefix##2 make_##prefix##2(scalar x, scalar y) { return {x, y}; } \
  inline prefix##4 make_##prefix##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }
CUDA_ON_CPU_VECTORS(unsigned char, uchar)
CUDA_ON_CPU_VECTORS(unsigned short, ushort)
CUDA_ON_CPU_VECTORS(short, short)
CUDA_ON_CPU_VECTORS(int, int)
CUDA_ON_CPU_VECTORS(unsigned, uint)
CUDA_ON_CPU_VECTORS(float, float)
#undef CUDA_ON_CPU_VECTORS

struct uchar3 {
  unsigned char x, y, z;
};
struct float3 {
  float x, y, z;
};
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }

// As in CUDA, of a signed and an unsigned number the result is unsigned, of a float it is float.
template <typename A, typename B>
  requires(std::is_arithmetic_v<A> && std::is_arithmetic_v<B>)
inline auto min(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_same_v<T, float>) return fminf(a, b);
  return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <typename A, typename B>
  requires(std::is_arithmetic_v<A> && std::is_arithmetic_v<B>)
inline auto max(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_same_v<T, float>) return fmaxf(a, b);
  return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}

inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __saturatef(float a) { return fminf(fmaxf(a, 0.0f), 1.0f); }

// A GPU's conversions saturate, and make 0 of what is not a number.
inline int saturated_int(float whole) {
  if (whole != whole) return 0;
  if (whole >= 2147483648.0f) return 2147483647;
  return whole < -2147483648.0f ? -2147483647 - 1 : static_cast<int>(whole);
}
inline unsigned saturated_uint(float whole) {
  if (!(whole > 0.0f)) return 0u;
  return whole >= 4294967296.0f ? 4294967295u : static_cast<unsigned>(whole);
}
inline int __float2int_rn(float value) { return saturated_int(nearbyintf(value)); }
inline int __float2int_rd(float value) { return saturated_int(floorf(value)); }
inline int __float2int_ru(float value) { return saturated_int(ceilf(value)); }
inline int __float2int_rz(float value) { return saturated_int(truncf(value)); }
inline unsigned __float2uint_rn(float value) { return saturated_uint(nearbyintf(value)); }
inline unsigned __float2uint_rd(float value) { return saturated_uint(floorf(value)); }
inline unsigned __float2uint_rz(float value) { return saturated_uint(truncf(value)); }
inline float __int2float_rn(int value) { return static_cast<float>(value); }
inline float __uint2float_rn(unsigned value) { return static_cast<float>(value); }

inline int __clz(int value) { return std::countl_zero(static_cast<unsigned>(value)); }
inline int __clzll(long long value) {
  return std::countl_zero(static_cast<unsigned long long>(value));
}
inline int __popc(unsigned value) { return std::popcount(value); }
inline int __popcll(unsigned long long value) { return std::popcount(value); }
inline int __ffs(int value) { return value == 0 ? 0 : 1 + __builtin_ctz(value); }
inline unsigned __usad(unsigned a, unsigned b, unsigned sum) {
  return sum + (a < b ? b - a : a - b);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
template <typename T>
inline T __ldg(const T* address) {
  return *address;
}

inline void __threadfence() {}
inline void __threadfence_block() {}

// One thread runs at a time, so plain code is atomic. Integers only: sums of floats depend on
// order.
template <typename T>
concept AtomicInteger =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long long>;

template <AtomicInteger T, typename Change>
inline T changed(T* address, Change change) {
  const T old = *address;
  *address = change(old);
  return old;
}
template <AtomicInteger T>
inline T atomicAdd(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return static_cast<T>(old + value); });
}
template <AtomicInteger T>
inline T atomicSub(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return static_cast<T>(old - value); });
}
template <AtomicInteger T>
inline T atomicMax(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return old < value ? value : old; });
}
template <AtomicInteger T>
inline T atomicMin(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return value < old ? value : old; });
}
template <AtomicInteger T>
inline T atomicOr(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return static_cast<T>(old | value); });
}
template <AtomicInteger T>
inline T atomicAnd(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return static_cast<T>(old & value); });
}
template <AtomicInteger T>
inline T atomicExch(T* address, std::type_identity_t<T> value) {
  return changed(address, [=](T) { return value; });
}
template <AtomicInteger T>
inline T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return changed(address, [=](T old) { return old == expected ? value : old; });
}
