// Pictures → one packed picture on the CPU, two rows at a time so that chroma is made in passing.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "pack/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using Byte = std::uint8_t;
using namespace packing;

constexpr Byte kNeutral = 128;
constexpr int kTaps = 8, kReach = 3;  // of the sharp filter; kReach of them lie before its pair

STEREOCAST_MULTIVERSION
void luma_row(const Byte* __restrict red, const Byte* __restrict green, const Byte* __restrict blue,
              int width, Byte* __restrict luma) {
  for (int x = 0; x < width; ++x) {
    luma[x] = static_cast<Byte>(luma_of(red[x], green[x], blue[x]));
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
    blue_difference[x] = static_cast<Byte>(blue_difference_of(red, green, blue));
    red_difference[x] = static_cast<Byte>(red_difference_of(red, green, blue));
  }
}

STEREOCAST_MULTIVERSION
void interleave2_row(const Byte* __restrict first, const Byte* __restrict second, int count,
                     Byte* __restrict pairs) {
  for (int x = 0; x < count; ++x) {
    pairs[2 * x] = first[x];
    pairs[2 * x + 1] = second[x];
  }
}

STEREOCAST_MULTIVERSION
void interleave3_row(const Byte* __restrict channels, int width, Byte* __restrict pixels) {
  for (int x = 0; x < width; ++x) {
    pixels[3 * x] = channels[x];
    pixels[3 * x + 1] = channels[width + x];
    pixels[3 * x + 2] = channels[2 * width + x];
  }
}

STEREOCAST_MULTIVERSION
void halve_row(const Byte* __restrict source, int count, Byte* __restrict halved) {
  for (int x = 0; x < count; ++x) {
    halved[x] = static_cast<Byte>(mean_of(source[2 * x], source[2 * x + 1]));
  }
}

// `source` begins kReach values before the first pair.
STEREOCAST_MULTIVERSION
void halve_row_sharply(const Byte* __restrict source, int count, Byte* __restrict halved) {
  for (int x = 0; x < count; ++x) {
    const Byte* p = source + 2 * x;
    halved[x] = static_cast<Byte>(sharp_of(p[3] + p[4], p[2] + p[5], p[1] + p[6], p[0] + p[7]));
  }
}

STEREOCAST_MULTIVERSION
void mean_row(const Byte* __restrict upper, const Byte* __restrict lower, int width,
              Byte* __restrict mean) {
  for (int x = 0; x < width; ++x) mean[x] = static_cast<Byte>(mean_of(upper[x], lower[x]));
}

STEREOCAST_MULTIVERSION
void sharp_row(const Byte* const* rows, int width, Byte* __restrict sharp) {
  const Byte *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  const Byte *e = rows[4], *f = rows[5], *g = rows[6], *h = rows[7];
  for (int x = 0; x < width; ++x) {
    sharp[x] = static_cast<Byte>(sharp_of(d[x] + e[x], c[x] + f[x], b[x] + g[x], a[x] + h[x]));
  }
}

struct Part {
  const Byte* data;
  int height, width;  // of the picture
  int packed_width;   // even, after squeezing
  int squeeze;

  const Byte* row(int channel, int y) const {
    const int inside = std::clamp(y, 0, height - 1);
    return data + (static_cast<std::size_t>(channel) * height + inside) * width;
  }

  // Rows of the picture after squeezing, before padding.
  int rows() const {
    return squeeze == kHeightMean || squeeze == kHeightSharp ? (height + 1) / 2 : height;
  }

  // A packed row as three channel rows of `packed_width`; `line` has room for width + kTaps + 1.
  void fetch(int y, Byte* channels, Byte* line) const {
    for (int c = 0; c < 3; ++c, channels += packed_width) {
      int filled = width;
      if (squeeze == kWidthMean || squeeze == kWidthSharp) {
        filled = (width + 1) / 2;
        halve(row(c, y), filled, channels, line);
      } else if (squeeze == kHeightMean) {
        mean_row(row(c, 2 * y), row(c, 2 * y + 1), width, channels);
      } else if (squeeze == kHeightSharp) {
        const Byte* rows[kTaps];
        for (int tap = 0; tap < kTaps; ++tap) rows[tap] = row(c, 2 * y - kReach + tap);
        sharp_row(rows, width, channels);
      } else {
        std::memcpy(channels, row(c, y), static_cast<std::size_t>(width));
      }
      if (filled < packed_width) channels[filled] = channels[filled - 1];
    }
  }

  void halve(const Byte* source, int count, Byte* halved, Byte* line) const {
    if (squeeze == kWidthMean) {
      halve_row(source, width / 2, halved);
      if (width % 2) halved[width / 2] = source[width - 1];
      return;
    }
    std::memset(line, source[0], kReach);
    std::memcpy(line + kReach, source, static_cast<std::size_t>(width));
    std::memset(line + kReach + width, source[width - 1], kTaps - kReach + 1);
    halve_row_sharply(line, count, halved);
  }
};

// The packed picture: `height` rows of `width` pixels in one of four forms.
struct Surface {
  Byte* data;
  int height, width, pixels;

  bool has_chroma() const { return pixels == kI420 || pixels == kNv12; }
  std::size_t area() const { return static_cast<std::size_t>(height) * width; }
  Byte* plane(int channel, int y) const {
    return data + channel * area() + static_cast<std::size_t>(y) * width;
  }
  Byte* blue(int y) const { return data + area() + static_cast<std::size_t>(y) * (width / 2); }
  Byte* red(int y) const { return blue(height / 2 + y); }

  // `row` is the upper one of a pair; `spare` has room for `count` bytes.
  void put(int row, int column, const Byte* upper, const Byte* lower, int count,
           Byte* spare) const {
    for (int line = 0; line < 2; ++line) {
      const Byte* channels = line == 0 ? upper : lower;
      if (has_chroma()) {
        luma_row(channels, channels + count, channels + 2 * count, count,
                 plane(0, row + line) + column);
      } else if (pixels == kRgb) {
        interleave3_row(channels, count, data + 3 * (plane(0, row + line) - data + column));
      } else {
        for (int c = 0; c < 3; ++c) {
          std::memcpy(plane(c, row + line) + column, channels + c * count,
                      static_cast<std::size_t>(count));
        }
      }
    }
    if (pixels == kI420) {
      chroma_row(upper, lower, count, count, blue(row / 2) + column / 2, red(row / 2) + column / 2);
    } else if (pixels == kNv12) {
      chroma_row(upper, lower, count, count, spare, spare + count / 2);
      interleave2_row(spare, spare + count / 2, count / 2, plane(0, height + row / 2) + column);
    }
  }
};

void pack(const std::vector<ConstImage>& pictures, int columns, int squeeze, int pixels,
          std::pair<int, int> part, Array<Byte, 1> tensor) {
  const int count = static_cast<int>(pictures.size());
  const int part_height = part.first, part_width = part.second;
  const Surface surface{tensor.data(), count / columns * part_height, columns * part_width, pixels};
  const int width = static_cast<int>(pictures[0].shape(2));
  parallel_rows(surface.height / 2, [&](int begin, int end) {
    const auto size = static_cast<std::size_t>(part_width);
    std::vector<Byte> upper(3 * size), lower(3 * size), spare(size);
    std::vector<Byte> line(static_cast<std::size_t>(width) + kTaps + 1);
    for (int pair = begin; pair < end; ++pair) {
      const int top = 2 * pair, y = top % part_height;
      for (int column = 0; column < columns; ++column) {
        const ConstImage& picture = pictures[top / part_height * columns + column];
        const Part source{picture.data(), static_cast<int>(picture.shape(1)), width, part_width,
                          squeeze};
        source.fetch(y, upper.data(), line.data());
        // Only padding asks for a row behind the last: it repeats the one before.
        source.fetch(std::min(y + 1, source.rows() - 1), lower.data(), line.data());
        surface.put(top, column * part_width, upper.data(), lower.data(), part_width, spare.data());
      }
    }
  });
}

void stamp_row(const Surface& surface, int left, int top, int scale, unsigned long long word) {
  const auto cell = static_cast<std::size_t>(kCellWidth * scale);
  for (int y = top; y < top + kCellHeight * scale; ++y) {
    for (int bit = 0; bit < kStripBits; ++bit) {
      const bool bright = word >> (kStripBits - 1 - bit) & 1u;
      const std::size_t x = static_cast<std::size_t>(left) + bit * cell;
      if (surface.has_chroma()) {
        std::memset(surface.plane(0, y) + x, bright ? 235 : 16, cell);
      } else if (surface.pixels == kRgb) {
        Byte* row = surface.data + 3 * static_cast<std::size_t>(y) * surface.width;
        std::memset(row + 3 * x, bright ? 255 : 0, 3 * cell);
      } else {
        for (int c = 0; c < 3; ++c) std::memset(surface.plane(c, y) + x, bright ? 255 : 0, cell);
      }
    }
  }
}

void neutralise(const Surface& surface, int left, int top, int scale) {
  const auto cells = static_cast<std::size_t>(kStripBits * kCellWidth * scale / 2);
  for (int y = top / 2; y < top / 2 + kCellHeight * scale; ++y) {
    if (surface.pixels == kI420) {
      std::memset(surface.blue(y) + left / 2, kNeutral, cells);
      std::memset(surface.red(y) + left / 2, kNeutral, cells);
    } else if (surface.pixels == kNv12) {
      std::memset(surface.plane(0, surface.height + y) + left, kNeutral, 2 * cells);
    }
  }
}

// corners: (top, left) of the left and of the right eye.
void stamp(Array<Byte, 1> tensor, int width, int height, int pixels,
           Array<const std::int64_t, 2> corners, int scale, Array<const std::int64_t, 1> counters) {
  const Surface surface{tensor.data(), height, width, pixels};
  const auto source = static_cast<unsigned>(counters.data()[0]);
  const auto encoded = static_cast<unsigned>(counters.data()[1]);
  for (int eye = 0; eye < 2; ++eye) {
    const int top = static_cast<int>(corners.data()[2 * eye]);
    const int left = static_cast<int>(corners.data()[2 * eye + 1]);
    for (int row = 0; row < 2; ++row) {
      stamp_row(surface, left, top + row * kCellHeight * scale, scale,
                strip_word(row, eye, source, encoded));
    }
    neutralise(surface, left, top, scale);
  }
}

}  // namespace

void bind_pack(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("pack", &pack, release);
  module.def("stamp_strip", &stamp, release);
}

}  // namespace stereocast
