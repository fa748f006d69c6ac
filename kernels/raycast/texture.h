// Texture sampling of the ray caster: packed RGBA, bilinear, in the mip level that fits the pixel.
//
// A texture is 2·side rows of `side` texels: the level of size n begins in row 2·(side − n), so its
// address needs no table. Levels repeat in both directions. Everything works on blocks of kBlock
// neighbouring pixels, in loops without branches that the compiler turns into vectors.
#pragma once

#include <bit>
#include <cstdint>

#define STEREOCAST_INLINE inline __attribute__((always_inline))

namespace stereocast::raycast {

static_assert(std::endian::native == std::endian::little, "texels are packed as R | G<<8 | ...");

constexpr int kBlock = 16;

// A sharper level than the longest axis of the footprint asks for: half a level, in rho².
constexpr float kSharper = 0.5f;

STEREOCAST_INLINE float least(float a, float b) { return a < b ? a : b; }
STEREOCAST_INLINE float most(float a, float b) { return a > b ? a : b; }
STEREOCAST_INLINE int least(int a, int b) { return a < b ? a : b; }
STEREOCAST_INLINE int most(int a, int b) { return a > b ? a : b; }

struct Sampler {
  const std::uint32_t* texels;
  int log2_side;
};

// Four taps and their weights, of 256, for each pixel of a block.
struct Taps {
  alignas(64) std::int32_t index[4][kBlock];
  alignas(64) std::uint32_t weight[4][kBlock];
};

// The level whose texels are nearest in size to the footprint: round(log2(rho)) from rho².
STEREOCAST_INLINE int level_of(float rho2, int log2_side) {
  const std::int32_t exponent = (std::bit_cast<std::int32_t>(2.0f * rho2) >> 23) - 127;
  return least(most(exponent >> 1, 0), log2_side);
}

// s, t: level-0 texel coordinates (texel centres at .5), not negative; rho2: texels² per pixel.
STEREOCAST_INLINE void aim(const Sampler& sampler, const float* s, const float* t,
                           const float* rho2, Taps& taps) {
  const int log2_side = sampler.log2_side;
  const int side = 1 << log2_side;
  for (int i = 0; i < kBlock; ++i) {
    const int level = level_of(rho2[i], log2_side);
    const int size = side >> level, mask = size - 1;
    const float scale = std::bit_cast<float>((127 - level) << 23) * 256.0f;
    // One whole repetition is added so that truncation is floor.
    const int fixed_s = static_cast<int>(s[i] * scale) + (size << 8) - 128;
    const int fixed_t = static_cast<int>(t[i] * scale) + (size << 8) - 128;
    const int x0 = (fixed_s >> 8) & mask, y0 = (fixed_t >> 8) & mask;
    const int x1 = (x0 + 1) & mask, y1 = (y0 + 1) & mask;
    const int top = (2 * (side - size) + y0) << log2_side;
    const int bottom = (2 * (side - size) + y1) << log2_side;
    taps.index[0][i] = top + x0;
    taps.index[1][i] = top + x1;
    taps.index[2][i] = bottom + x0;
    taps.index[3][i] = bottom + x1;
    const std::uint32_t fx = fixed_s & 255, fy = fixed_t & 255;
    const std::uint32_t both = (fx * fy) >> 8;
    taps.weight[0][i] = 256 - fx - fy + both;
    taps.weight[1][i] = fx - both;
    taps.weight[2][i] = fy - both;
    taps.weight[3][i] = both;
  }
}

// Red and blue, then green and alpha, as pairs of 8.8 fixed-point numbers.
STEREOCAST_INLINE void fetch(const Sampler& sampler, const Taps& taps, std::uint32_t* red_blue,
                             std::uint32_t* green_alpha) {
  const std::uint32_t* texels = sampler.texels;
  for (int i = 0; i < kBlock; ++i) {
    std::uint32_t rb = 0, ga = 0;
    for (int tap = 0; tap < 4; ++tap) {
      const std::uint32_t texel = texels[taps.index[tap][i]];
      rb += (texel & 0x00FF00FFu) * taps.weight[tap][i];
      ga += ((texel >> 8) & 0x00FF00FFu) * taps.weight[tap][i];
    }
    red_blue[i] = rb;
    green_alpha[i] = ga;
  }
}

}  // namespace stereocast::raycast
