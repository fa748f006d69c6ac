// Grey pictures with their edges continued, in three sizes: what the CPU block matcher reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "flow/math.h"

namespace stereocast::flow {

// A grey plane surrounded by `pad` copies of its edge pixels, so that no access needs a test.
struct Plane {
  int width, height, pad;
  std::ptrdiff_t stride;
  std::vector<std::uint8_t> bytes;

  Plane(int plane_width, int plane_height, int padding)
      : width(plane_width),
        height(plane_height),
        pad(padding),
        stride(plane_width + 2 * padding),
        bytes(static_cast<std::size_t>(stride) * (plane_height + 2 * padding)) {}

  std::uint8_t* row(int y) { return bytes.data() + (y + pad) * stride + pad; }
  const std::uint8_t* row(int y) const { return bytes.data() + (y + pad) * stride + pad; }

  void continue_edges() {
    for (int y = 0; y < height; ++y) {
      std::memset(row(y) - pad, row(y)[0], pad);
      std::memset(row(y) + width, row(y)[width - 1], pad);
    }
    for (int n = 1; n <= pad; ++n) {
      std::memcpy(row(-n) - pad, row(0) - pad, stride);
      std::memcpy(row(height - 1 + n) - pad, row(height - 1) - pad, stride);
    }
  }
};

inline int byte_of(std::uint8_t value) { return value; }
inline int byte_of(float value) { return to_byte(value); }

template <typename T>
void fill_grey(const T* picture, int channels, Plane& plane) {
  const std::size_t area = static_cast<std::size_t>(plane.width) * plane.height;
  for (int y = 0; y < plane.height; ++y) {
    const T* red = picture + static_cast<std::size_t>(y) * plane.width;
    std::uint8_t* out = plane.row(y);
    for (int x = 0; x < plane.width; ++x) {
      const int first = byte_of(red[x]);
      out[x] = static_cast<std::uint8_t>(
          channels == 1 ? first : grey(first, byte_of(red[x + area]), byte_of(red[x + 2 * area])));
    }
  }
  plane.continue_edges();
}

// Means of 2×2 pixels; the continued edge counts an odd last row or column twice.
inline void halve(const Plane& full, Plane& half) {
  for (int y = 0; y < half.height; ++y) {
    const std::uint8_t *upper = full.row(2 * y), *lower = full.row(2 * y + 1);
    std::uint8_t* out = half.row(y);
    for (int x = 0; x < half.width; ++x) {
      const int sum = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
      out[x] = static_cast<std::uint8_t>((sum + 2) >> 2);
    }
  }
  half.continue_edges();
}

struct Pyramid {
  Plane full, half, quarter;

  // The padding covers the longest vector of a level, the block and a sub-pixel neighbour.
  Pyramid(int width, int height)
      : full(width, height, 44),
        half((width + 1) / 2, (height + 1) / 2, 24),
        quarter((half.width + 1) / 2, (half.height + 1) / 2, 16) {}

  template <typename T>
  void build(const T* picture, int channels) {
    fill_grey(picture, channels, full);
    halve(full, half);
    halve(half, quarter);
  }
};

}  // namespace stereocast::flow
