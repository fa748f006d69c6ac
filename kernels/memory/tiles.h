// Which tiles of the picture no longer match what is remembered, for the CPU kernels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "memory/math.h"
#include "tensors.h"

namespace stereocast::memory {

using ConstTiles = Array<const std::int32_t, 2>;

// Per column 0xFF where the 3×3 tiles around a row of tiles, together, no longer match.
inline void find_lost(const ConstTiles& mismatch, int tile_row, int width, std::uint8_t* lost) {
  const int down = static_cast<int>(mismatch.shape(0)),
            across = static_cast<int>(mismatch.shape(1));
  for (int tile = 0; tile < across; ++tile) {
    std::int32_t sum = 0;
    for (int j = std::max(tile_row - 1, 0); j <= std::min(tile_row + 1, down - 1); ++j) {
      for (int i = std::max(tile - 1, 0); i <= std::min(tile + 1, across - 1); ++i) {
        sum += mismatch.data()[j * across + i];
      }
    }
    const int begin = tile * kTile;
    std::fill(lost + begin, lost + std::min(begin + kTile, width), sum > 0 ? 0xFF : 0);
  }
}

}  // namespace stereocast::memory
