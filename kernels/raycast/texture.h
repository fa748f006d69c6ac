// Texture sampling of the ray caster: packed RGBA, bilinear, in the mip level that fits the pixel.
//
// A texture holds its mip levels below each other. The level of size n begins in row
// 2·(side − n) + log2(side / n); it has n + 1 rows and columns, of which the last repeat the first,
// so that the four taps are always beside each other. Everything works on blocks of
// neighbouring pixels, in loops without branches that the compiler turns into vectors.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#define STEREOCAST_INLINE inline __attribute__((always_inline))

namespace stereocast::raycast {

static_assert(std::endian::native == std::endian::little, "texels are packed as R | G<<8 | ...");

// Pixels of one block. Long enough for the stages to hide each other's latency, short for L1.
constexpr int kBlock = 64;
constexpr int kLanes = 16;  // blocks are filled up to a multiple of this

STEREOCAST_INLINE float least(float a, float b) { return a < b ? a : b; }
STEREOCAST_INLINE float most(float a, float b) { return a > b ? a : b; }
STEREOCAST_INLINE int least(int a, int b) { return a < b ? a : b; }
STEREOCAST_INLINE int most(int a, int b) { return a > b ? a : b; }

// How many pixels to work on where `left` remain.
STEREOCAST_INLINE int filled_up(int left) {
  return least(left + kLanes - 1, kBlock) & ~(kLanes - 1);
}

struct Sampler {
  const std::uint32_t* texels;
  int log2_side;
};

// The first of four neighbouring texels and their weights, of 256, for each pixel of a block.
struct Taps {
  alignas(64) std::int32_t corner[kBlock];
  alignas(64) std::uint32_t top_weight[2 * kBlock], bottom_weight[2 * kBlock];  // left, right, …
};

// A block's colour in 8.8 fixed point, half a level added for rounding.
struct Colours {
  alignas(64) std::uint32_t red_blue[kBlock], green_alpha[kBlock];  // lower | upper << 16
};

// floor(log2(rho)) from rho², the footprint's longest axis in texels: half a level sharper than
// rounding, because the other axis is shorter on every slanted surface.
STEREOCAST_INLINE int level_of(float rho2, int log2_side) {
  const std::int32_t exponent = (std::bit_cast<std::int32_t>(rho2) >> 23) - 127;
  return least(most(exponent >> 1, 0), log2_side);
}

// s, t: level-0 texel coordinates (texel centres at .5), not negative; rho2: texels² per pixel.
STEREOCAST_INLINE void aim(const Sampler& sampler, const float* s, const float* t,
                           const float* rho2, int count, Taps& taps) {
  const int log2_side = sampler.log2_side;
  const int side = 1 << log2_side;
  for (int i = 0; i < count; ++i) {
    const int level = level_of(rho2[i], log2_side);
    const int size = side >> level, mask = size - 1;
    const float scale = std::bit_cast<float>((127 - level) << 23) * 256.0f;
    // One whole repetition is added so that truncation is floor.
    const int fixed_s = static_cast<int>(s[i] * scale) + (size << 8) - 128;
    const int fixed_t = static_cast<int>(t[i] * scale) + (size << 8) - 128;
    const int x = (fixed_s >> 8) & mask;
    const int y = ((fixed_t >> 8) & mask) + 2 * (side - size) + level;
    taps.corner[i] = y * (side + 1) + x;
    const std::uint32_t fx = fixed_s & 255, fy = fixed_t & 255;
    const std::uint32_t both = (fx * fy) >> 8;
    taps.top_weight[2 * i] = 256 - fx - fy + both;
    taps.top_weight[2 * i + 1] = fx - both;
    taps.bottom_weight[2 * i] = fy - both;
    taps.bottom_weight[2 * i + 1] = both;
  }
}

// Eight texels, as four pairs of neighbours; the compiler's own gathers take twice as long.
using Texels [[gnu::vector_size(32)]] = std::uint32_t;
using Pairs [[gnu::vector_size(32)]] = std::uint64_t;

STEREOCAST_INLINE std::uint64_t pair_at(const std::uint32_t* texel) {
  std::uint64_t pair;
  std::memcpy(&pair, texel, sizeof pair);
  return pair;
}

// Four pixels' sums over their taps, in the lower halves: red and blue, then green and alpha.
STEREOCAST_INLINE void weigh(const Sampler& sampler, const Taps& taps, int first, Pairs& red_blue,
                             Pairs& green_alpha) {
  const Texels low_bytes = Texels{} + 0x00FF00FFu;
  const std::int32_t* corner = taps.corner + first;
  const std::uint32_t* top = sampler.texels;
  const std::uint32_t* bottom = top + (1 << sampler.log2_side) + 1;
  const Texels upper = (Texels)Pairs{pair_at(top + corner[0]), pair_at(top + corner[1]),
                                     pair_at(top + corner[2]), pair_at(top + corner[3])};
  const Texels lower = (Texels)Pairs{pair_at(bottom + corner[0]), pair_at(bottom + corner[1]),
                                     pair_at(bottom + corner[2]), pair_at(bottom + corner[3])};
  Texels upper_weight, lower_weight;
  std::memcpy(&upper_weight, taps.top_weight + 2 * first, sizeof upper_weight);
  std::memcpy(&lower_weight, taps.bottom_weight + 2 * first, sizeof lower_weight);
  const Pairs rb = (Pairs)((upper & low_bytes) * upper_weight + (lower & low_bytes) * lower_weight);
  const Pairs ga = (Pairs)(((upper >> 8) & low_bytes) * upper_weight +
                           ((lower >> 8) & low_bytes) * lower_weight);
  red_blue = rb + (rb >> 32);
  green_alpha = ga + (ga >> 32);
}

STEREOCAST_INLINE Texels lower_halves(Pairs a, Pairs b) {
  return __builtin_shufflevector((Texels)a, (Texels)b, 0, 2, 4, 6, 8, 10, 12, 14);
}

STEREOCAST_INLINE void fetch(const Sampler& sampler, const Taps& taps, int count,
                             Colours& colours) {
  for (int first = 0; first < count; first += 8) {
    Pairs red_blue[2], green_alpha[2];
    weigh(sampler, taps, first, red_blue[0], green_alpha[0]);
    weigh(sampler, taps, first + 4, red_blue[1], green_alpha[1]);
    const Texels half = Texels{} + 0x00800080u;
    const Texels rb = lower_halves(red_blue[0], red_blue[1]) + half;
    const Texels ga = lower_halves(green_alpha[0], green_alpha[1]) + half;
    std::memcpy(colours.red_blue + first, &rb, sizeof rb);
    std::memcpy(colours.green_alpha + first, &ga, sizeof ga);
  }
}

}  // namespace stereocast::raycast
