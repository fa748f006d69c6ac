// Native CPU kernels of preprocess: planes to RGB, and area averaging. reference.py defines them.
//
// Both work in integers until the very end, so no order of summation can change a result.
#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

// A plane of a decoder: rows may be padded, samples within a row are adjacent.
template <typename T>
using Plane = nb::ndarray<const T, nb::ndim<2>, nb::device::cpu>;
using FixedPoint = std::array<int, 8>;  // the fields of colour.FixedPoint, in order

struct Conversion {
  int luma_offset, chroma_offset, luma, red_v, green_u, green_v, blue_u, shift;
};

// What chroma adds to each channel of one row, rounding and the luma offset included.
struct ChromaRow {
  std::vector<int> red, green, blue;
  explicit ChromaRow(std::size_t width) : red(width), green(width), blue(width) {}
};

template <typename T>
[[gnu::always_inline]] inline void spread_chroma(const T* u, const T* v, int count, int repeat,
                                                 const Conversion& c, ChromaRow& row) {
  const int constant = (1 << (c.shift - 1)) - c.luma * c.luma_offset;
  int* red = row.red.data();
  int* green = row.green.data();
  int* blue = row.blue.data();
  if (repeat == 2) {
    for (int x = 0; x < count; ++x) {
      const int cb = u[x] - c.chroma_offset, cr = v[x] - c.chroma_offset;
      red[2 * x] = red[2 * x + 1] = constant + c.red_v * cr;
      green[2 * x] = green[2 * x + 1] = constant + c.green_u * cb + c.green_v * cr;
      blue[2 * x] = blue[2 * x + 1] = constant + c.blue_u * cb;
    }
  } else {
    for (int x = 0; x < count; ++x) {
      const int cb = u[x] - c.chroma_offset, cr = v[x] - c.chroma_offset;
      red[x] = constant + c.red_v * cr;
      green[x] = constant + c.green_u * cb + c.green_v * cr;
      blue[x] = constant + c.blue_u * cb;
    }
  }
}

template <typename T>
[[gnu::always_inline]] inline void add_luma(const T* y, const int* chroma, std::uint8_t* out,
                                            int width, int gain, int shift) {
  for (int x = 0; x < width; ++x) {
    out[x] = static_cast<std::uint8_t>(std::clamp((gain * y[x] + chroma[x]) >> shift, 0, 255));
  }
}

// One name per sample type: the loader cannot pick processor copies of templates.
STEREOCAST_MULTIVERSION
void spread(const std::uint8_t* u, const std::uint8_t* v, int count, int repeat,
            const Conversion& c, ChromaRow& row) {
  spread_chroma(u, v, count, repeat, c, row);
}
STEREOCAST_MULTIVERSION
void spread(const std::uint16_t* u, const std::uint16_t* v, int count, int repeat,
            const Conversion& c, ChromaRow& row) {
  spread_chroma(u, v, count, repeat, c, row);
}
STEREOCAST_MULTIVERSION
void shade(const std::uint8_t* y, const int* chroma, std::uint8_t* out, int width, int gain,
           int shift) {
  add_luma(y, chroma, out, width, gain, shift);
}
STEREOCAST_MULTIVERSION
void shade(const std::uint16_t* y, const int* chroma, std::uint8_t* out, int width, int gain,
           int shift) {
  add_luma(y, chroma, out, width, gain, shift);
}

template <typename T>
void require_plane(const Plane<T>& plane) {
  if (plane.stride(1) != 1 && plane.shape(1) > 1) {
    throw std::invalid_argument("yuv_to_rgb: the samples of a row must be adjacent");
  }
}

template <typename T>
void yuv_to_rgb(Plane<T> y, Plane<T> u, Plane<T> v, Image rgb, const FixedPoint& f) {
  require_plane(y);
  require_plane(u);
  require_plane(v);
  const Conversion c{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]};
  const int height = static_cast<int>(y.shape(0)), width = static_cast<int>(y.shape(1));
  const int columns = static_cast<int>(u.shape(1));
  const int repeat = columns == width ? 1 : 2;
  const int row_shift = u.shape(0) == y.shape(0) ? 0 : 1;
  const std::size_t plane_size = static_cast<std::size_t>(height) * width;
  const T *luma = y.data(), *cb = u.data(), *cr = v.data();
  std::uint8_t* out = rgb.data();

  parallel_rows(height, [&](int begin, int end) {
    ChromaRow chroma(static_cast<std::size_t>(columns) * repeat);
    int spread_row = -1;
    for (int row = begin; row < end; ++row) {
      if (row >> row_shift != spread_row) {
        spread_row = row >> row_shift;
        spread(cb + spread_row * u.stride(0), cr + spread_row * v.stride(0), columns, repeat, c,
               chroma);
      }
      const T* line = luma + row * y.stride(0);
      std::uint8_t* target = out + static_cast<std::size_t>(row) * width;
      shade(line, chroma.red.data(), target, width, c.luma, c.shift);
      shade(line, chroma.green.data(), target + plane_size, width, c.luma, c.shift);
      shade(line, chroma.blue.data(), target + 2 * plane_size, width, c.luma, c.shift);
    }
  });
}

STEREOCAST_MULTIVERSION
void add_row(const std::uint8_t* source, int weight, int* sums, int width) {
  for (int x = 0; x < width; ++x) sums[x] += weight * source[x];
}

// Averages one line of column sums; overlaps are whole numbers as in reference._overlaps.
void average_columns(const int* sums, float* out, int width, int target, double unit) {
  for (int to = 0; to < target; ++to) {
    const std::int64_t begin = std::int64_t{to} * width, end = begin + width;
    const int first = static_cast<int>(begin / target);
    const int last = static_cast<int>((end - 1) / target);
    std::int64_t total;
    if (first == last) {
      total = std::int64_t{width} * sums[first];
    } else {
      std::int64_t inner = 0;
      for (int x = first + 1; x < last; ++x) inner += sums[x];
      total = inner * target + (std::int64_t{first + 1} * target - begin) * sums[first] +
              (end - std::int64_t{last} * target) * sums[last];
    }
    out[to] = static_cast<float>(static_cast<double>(total) * unit);
  }
}

void to_network(ConstImage rgb, Array<float, 3> out) {
  const int height = static_cast<int>(rgb.shape(1)), width = static_cast<int>(rgb.shape(2));
  const int rows = static_cast<int>(out.shape(1)), columns = static_cast<int>(out.shape(2));
  const double unit = 1.0 / (255.0 * (static_cast<double>(height) * width));
  const std::uint8_t* source = rgb.data();
  float* target = out.data();

  parallel_rows(3 * rows, [&](int begin, int end) {
    std::vector<int> sums(width);
    for (int line = begin; line < end; ++line) {
      const int channel = line / rows, row = line % rows;
      const std::int64_t top = std::int64_t{row} * height, bottom = top + height;
      std::fill(sums.begin(), sums.end(), 0);
      for (std::int64_t from = top / rows; from * rows < bottom; ++from) {
        const auto overlap = std::min(bottom, (from + 1) * rows) - std::max(top, from * rows);
        add_row(source + (std::size_t(channel) * height + from) * width, static_cast<int>(overlap),
                sums.data(), width);
      }
      average_columns(sums.data(), target + static_cast<std::size_t>(line) * columns, width,
                      columns, unit);
    }
  });
}

}  // namespace

void bind_preprocess(nb::module_& module) {
  using Release = nb::call_guard<nb::gil_scoped_release>;
  module.def("yuv_to_rgb", &yuv_to_rgb<std::uint8_t>, Release());
  module.def("yuv_to_rgb", &yuv_to_rgb<std::uint16_t>, Release());
  module.def("to_network", &to_network, Release());
}
}  // namespace stereocast
