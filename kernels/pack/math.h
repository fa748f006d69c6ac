// What a pixel of a packed picture is: shared by the native and the CUDA form of `pack`.
#pragma once

#include "portable.h"

namespace stereocast {
namespace packing {

enum Squeeze { kWhole, kWidthMean, kHeightMean, kWidthSharp, kHeightSharp };
enum Pixels { kI420, kNv12, kRgb, kPlanar };

constexpr int kStripBits = 40;
constexpr int kCellWidth = 8, kCellHeight = 16;

// BT.709 limited range in 15-bit fixed point; the reference holds the same numbers.
STEREOCAST_BOTH int luma_of(int red, int green, int blue) {
  return (5983 * red + 20127 * green + 2032 * blue + (16 << 15) + (1 << 14)) >> 15;
}

// From the sums over a block of four pixels.
STEREOCAST_BOTH int blue_difference_of(int red, int green, int blue) {
  return (-3297 * red - 11095 * green + 14392 * blue + (128 << 17) + (1 << 16)) >> 17;
}

STEREOCAST_BOTH int red_difference_of(int red, int green, int blue) {
  return (14392 * red - 13072 * green - 1320 * blue + (128 << 17) + (1 << 16)) >> 17;
}

// Antialiased bicubic (a = -0.5) at exactly half size: eight taps, symmetric, and by luck whole
// numbers of 256ths. Each argument is the sum of the two taps at one distance from the centre.
STEREOCAST_BOTH int sharp_of(int nearest, int second, int third, int farthest) {
  const int value = (111 * nearest + 29 * second - 9 * third - 3 * farthest + 128) >> 8;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

STEREOCAST_BOTH int mean_of(int first, int second) { return (first + second + 1) >> 1; }

// The low half of the CRC-32 of a 24-bit value as 4 little-endian bytes.
STEREOCAST_BOTH unsigned check_of(unsigned value) {
  unsigned crc = 0xFFFFFFFFu;
  for (int byte = 0; byte < 4; ++byte) {
    crc ^= value >> (8 * byte) & 0xFFu;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0u);
  }
  return ~crc & 0xFFFFu;
}

// Both rows of the barcode of one eye, as the 40 bits of their cells.
STEREOCAST_BOTH unsigned long long strip_word(int row, int is_right, unsigned source,
                                              unsigned encoded) {
  const unsigned second = (is_right ? 1u << 23 : 0u) | (encoded & 0x7FFFFFu);
  const unsigned value = row == 0 ? source & 0xFFFFFFu : second;
  return static_cast<unsigned long long>(value) << 16 | check_of(value);
}

}  // namespace packing
}  // namespace stereocast
