// Names for the tensors that cross from Python: contiguous CPU arrays, checked by nanobind.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

namespace stereocast {

namespace nb = nanobind;

template <typename T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

using Image = Array<std::uint8_t, 3>;             // [3, H, W]
using ConstImage = Array<const std::uint8_t, 3>;  // [3, H, W]
using Map = Array<float, 2>;                      // [H, W]
using ConstMap = Array<const float, 2>;           // [H, W]

}  // namespace stereocast

// One build for every x86-64 machine: the loader picks the widest copy that the processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define STEREOCAST_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STEREOCAST_MULTIVERSION __attribute__((target_clones("avx2", "default")))
#else
#define STEREOCAST_MULTIVERSION
#endif
