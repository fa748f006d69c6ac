// Both eyes → side-by-side I420 on the CPU, two rows at a time so that chroma is made in passing.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using Byte = std::uint8_t;

constexpr int kStripBits = 40;
constexpr int kCellWidth = 8, kCellHeight = 16;
constexpr Byte kDark = 16, kBright = 235, kNeutral = 128;

// BT.709 limited range in 15-bit fixed point; the reference holds the same numbers.
STEREOCAST_MULTIVERSION
void luma_row(const Byte* __restrict red, const Byte* __restrict green, const Byte* __restrict blue,
              int width, Byte* __restrict luma) {
  for (int x = 0; x < width; ++x) {
    luma[x] = static_cast<Byte>(
        (5983 * red[x] + 20127 * green[x] + 2032 * blue[x] + (16 << 15) + (1 << 14)) >> 15);
  }
}

// One chroma row from two rows of pixels, given as rows of three channels each.
STEREOCAST_MULTIVERSION
void chroma_row(const Byte* __restrict upper, const Byte* __restrict lower, int stride, int width,
                Byte* __restrict blue_difference, Byte* __restrict red_difference) {
  for (int x = 0; x < width / 2; ++x) {
    const int left = 2 * x, right = left + 1;
    const int red = upper[left] + upper[right] + lower[left] + lower[right];
    const Byte *upper_green = upper + stride, *lower_green = lower + stride;
    const int green =
        upper_green[left] + upper_green[right] + lower_green[left] + lower_green[right];
    const Byte *upper_blue = upper_green + stride, *lower_blue = lower_green + stride;
    const int blue = upper_blue[left] + upper_blue[right] + lower_blue[left] + lower_blue[right];
    blue_difference[x] = static_cast<Byte>(
        (-3297 * red - 11095 * green + 14392 * blue + (128 << 17) + (1 << 16)) >> 17);
    red_difference[x] = static_cast<Byte>(
        (14392 * red - 13072 * green - 1320 * blue + (128 << 17) + (1 << 16)) >> 17);
  }
}

STEREOCAST_MULTIVERSION
void squeeze_row(const Byte* __restrict source, int width, Byte* __restrict squeezed) {
  for (int x = 0; x < width / 2; ++x) {
    squeezed[x] = static_cast<Byte>((source[2 * x] + source[2 * x + 1] + 1) >> 1);
  }
}

// A picture row of one eye as three channel rows of `width` (even) bytes, `width` apart.
void fetch_row(const Byte* eye, std::size_t plane, int eye_width, bool half, int width,
               Byte* channels) {
  for (int c = 0; c < 3; ++c, channels += width) {
    const Byte* source = eye + c * plane;
    int filled = eye_width;
    if (half) {
      squeeze_row(source, eye_width, channels);
      filled = eye_width / 2;
      if (eye_width % 2) channels[filled++] = source[eye_width - 1];
    } else {
      std::memcpy(channels, source, static_cast<std::size_t>(eye_width));
    }
    if (filled < width) channels[filled] = channels[filled - 1];
  }
}

struct Surface {
  Byte* data;
  int height, width;  // of the luma plane

  Byte* luma(int y) const { return data + static_cast<std::size_t>(y) * width; }
  Byte* blue(int y) const {
    return data + static_cast<std::size_t>(height) * width +
           static_cast<std::size_t>(y) * width / 2;
  }
  Byte* red(int y) const { return blue(height / 2 + y); }
};

Surface as_surface(const Array<Byte, 2>& tensor) {
  return {tensor.data(), static_cast<int>(tensor.shape(0)) * 2 / 3,
          static_cast<int>(tensor.shape(1))};
}

void pack(ConstImage left, ConstImage right, bool half, Array<Byte, 2> tensor) {
  const Surface surface = as_surface(tensor);
  const int height = static_cast<int>(left.shape(1)), eye_width = static_cast<int>(left.shape(2));
  const int width = surface.width / 2;
  const std::size_t plane = static_cast<std::size_t>(height) * eye_width;
  parallel_rows(surface.height / 2, [&](int begin, int end) {
    std::vector<Byte> upper(3 * static_cast<std::size_t>(width)), lower(upper.size());
    for (int pair = begin; pair < end; ++pair) {
      for (int eye = 0; eye < 2; ++eye) {
        const Byte* pixels = (eye == 0 ? left : right).data();
        const std::size_t top = static_cast<std::size_t>(2 * pair) * eye_width;
        const std::size_t bottom =
            static_cast<std::size_t>(std::min(2 * pair + 1, height - 1)) * eye_width;
        fetch_row(pixels + top, plane, eye_width, half, width, upper.data());
        fetch_row(pixels + bottom, plane, eye_width, half, width, lower.data());
        const int column = eye * width;
        for (int row = 0; row < 2; ++row) {
          const Byte* rgb = (row == 0 ? upper : lower).data();
          luma_row(rgb, rgb + width, rgb + 2 * width, width, surface.luma(2 * pair + row) + column);
        }
        chroma_row(upper.data(), lower.data(), width, width, surface.blue(pair) + column / 2,
                   surface.red(pair) + column / 2);
      }
    }
  });
}

// The low half of the CRC-32 of a 24-bit value as 4 little-endian bytes.
std::uint32_t check_of(std::uint32_t value) {
  std::uint32_t crc = ~0u;
  for (int byte = 0; byte < 4; ++byte) {
    crc ^= value >> (8 * byte) & 0xFFu;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0u);
  }
  return ~crc & 0xFFFFu;
}

void stamp_row(const Surface& surface, int left, int top, int scale, std::uint32_t value) {
  const std::uint64_t word = static_cast<std::uint64_t>(value) << 16 | check_of(value);
  const int cell = kCellWidth * scale;
  for (int y = top; y < top + kCellHeight * scale; ++y) {
    for (int bit = 0; bit < kStripBits; ++bit) {
      const bool bright = word >> (kStripBits - 1 - bit) & 1u;
      std::memset(surface.luma(y) + left + bit * cell, bright ? kBright : kDark,
                  static_cast<std::size_t>(cell));
    }
  }
}

void stamp(Array<Byte, 2> tensor, Array<const std::int64_t, 1> counters) {
  const Surface surface = as_surface(tensor);
  const int scale = std::max(1, surface.height / 720);
  const auto source = static_cast<std::uint32_t>(counters.data()[0]) & 0xFFFFFFu;
  const auto encoded = static_cast<std::uint32_t>(counters.data()[1]) & 0x7FFFFFu;
  for (int eye = 0; eye < 2; ++eye) {
    const int left = eye * surface.width / 2;
    stamp_row(surface, left, 0, scale, source);
    stamp_row(surface, left, kCellHeight * scale, scale,
              static_cast<std::uint32_t>(eye) << 23 | encoded);
    const auto cells = static_cast<std::size_t>(kStripBits * kCellWidth * scale / 2);
    for (int y = 0; y < kCellHeight * scale; ++y) {
      std::memset(surface.blue(y) + left / 2, kNeutral, cells);
      std::memset(surface.red(y) + left / 2, kNeutral, cells);
    }
  }
}

}  // namespace

void bind_pack(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("pack_sbs", &pack, release);
  module.def("stamp_strip", &stamp, release);
}

}  // namespace stereocast
