// Level 2 of the hole fill on the CPU: pull-push in a pyramid.
//
// The pull visits every pixel once and then ever fewer cells; the push visits only the cells that
// holes will read. Cells hold red, green, blue and weight beside each other: four lanes.
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

#include "fill/rows.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using fill::kFar;
using fill::kInner;
using fill::kNear;
using fill::kOuter;

// One level of the pyramid. `wanted` marks the cells that the push must complete.
struct Level {
  int height, width;
  std::unique_ptr<float[]> cells;
  std::unique_ptr<std::uint8_t[]> wanted;

  Level(int height, int width)
      : height(height),
        width(width),
        cells(std::make_unique_for_overwrite<float[]>(std::size_t{4} * height * width)),
        wanted(std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{1} * height * width)) {}

  float* row(int y) const { return cells.get() + std::size_t{4} * y * width; }
  std::uint8_t* wanted_row(int y) const { return wanted.get() + std::size_t{1} * y * width; }
};

template <typename T>
struct Picture {
  T* view;
  const std::uint8_t* holes;
  const float* disparity;
  int height, width;

  std::size_t plane() const { return std::size_t{1} * height * width; }
  std::size_t offset(int y) const { return std::size_t{1} * y * width; }
};

// The sum of two weighted rows of one channel.
template <typename T>
[[gnu::always_inline]] inline void add_rows(const T* __restrict above, const T* __restrict below,
                                            const float* __restrict weight_above,
                                            const float* __restrict weight_below, int width,
                                            float* __restrict sums) {
  for (int x = 0; x < width; ++x) {
    sums[x] = static_cast<float>(above[x]) * weight_above[x] +
              static_cast<float>(below[x]) * weight_below[x];
  }
}

STEREOCAST_MULTIVERSION
void add_weighted(const std::uint8_t* above, const std::uint8_t* below, const float* weight_above,
                  const float* weight_below, int width, float* sums) {
  add_rows(above, below, weight_above, weight_below, width, sums);
}

void add_weighted(const float* above, const float* below, const float* weight_above,
                  const float* weight_below, int width, float* sums) {
  add_rows(above, below, weight_above, weight_below, width, sums);
}

STEREOCAST_MULTIVERSION
void add_weights(const float* __restrict above, const float* __restrict below, int width,
                 float* __restrict sums) {
  for (int x = 0; x < width; ++x) sums[x] = above[x] + below[x];
}

STEREOCAST_MULTIVERSION
void weigh_row(const std::uint8_t* __restrict holes, const float* __restrict disparity, float rate,
               int width, float* __restrict weights) {
  for (int x = 0; x < width; ++x) {
    const std::int32_t kept = static_cast<std::int32_t>(holes[x]) - 1;  // all bits, or none
    weights[x] = std::bit_cast<float>(fill::weight_bits(disparity[x], rate) & kept);
  }
}

STEREOCAST_MULTIVERSION
void pair_up(const float* __restrict red, const float* __restrict green,
             const float* __restrict blue, const float* __restrict weight, int count,
             float* __restrict cells) {
  for (int i = 0; i < count; ++i) {
    cells[4 * i] = (red[2 * i] + red[2 * i + 1]) * 0.25f;
    cells[4 * i + 1] = (green[2 * i] + green[2 * i + 1]) * 0.25f;
    cells[4 * i + 2] = (blue[2 * i] + blue[2 * i + 1]) * 0.25f;
    cells[4 * i + 3] = (weight[2 * i] + weight[2 * i + 1]) * 0.25f;
  }
}

// From pixels to the finest level: blocks of 2 × 2.
template <typename T>
void pull_pixels(const Picture<T>& picture, float rate, const Level& to) {
  const int stride = 2 * to.width, width = picture.width;
  parallel_rows(to.height, [&](int begin, int end) {
    // Zero beyond the last column and below the last row, where there is nothing.
    std::vector<float> sums(std::size_t{4} * stride), above(width), below(width);
    float *red = sums.data(), *green = red + stride, *blue = green + stride, *sum = blue + stride;
    for (int row = begin; row < end; ++row) {
      const int y = 2 * row, next = std::min(y + 1, picture.height - 1);
      const auto weigh = [&](int from, float* weights) {
        weigh_row(picture.holes + picture.offset(from), picture.disparity + picture.offset(from),
                  rate, width, weights);
      };
      weigh(y, above.data());
      if (next > y) {
        weigh(next, below.data());
      } else {
        std::fill(below.begin(), below.end(), 0.0f);
      }
      const T *upper = picture.view + picture.offset(y),
              *lower = picture.view + picture.offset(next);
      float* channels[3] = {red, green, blue};
      for (int c = 0; c < 3; ++c) {
        add_weighted(upper + c * picture.plane(), lower + c * picture.plane(), above.data(),
                     below.data(), width, channels[c]);
      }
      add_weights(above.data(), below.data(), width, sum);
      pair_up(red, green, blue, sum, to.width, to.row(row));
    }
  });
}

STEREOCAST_MULTIVERSION
void blend_rows(const float* __restrict above, const float* __restrict first,
                const float* __restrict second, const float* __restrict below, int count,
                float* __restrict out) {
  for (int i = 0; i < count; ++i) {
    out[i] = (above[i] + below[i]) * kOuter + (first[i] + second[i]) * kInner;
  }
}

// From level to level: the window 1 3 3 1, down and then across; outside there is nothing.
void pull_cells(const Level& from, const Level& to) {
  const int lanes = 4 * from.width;
  const std::vector<float> nothing(lanes, 0.0f);
  parallel_rows(to.height, [&](int begin, int end) {
    std::vector<float> blended(4 * (std::size_t{2} * to.width + 2), 0.0f);
    float* middle = blended.data() + 4;
    const auto row_of = [&](int y) {
      return y >= 0 && y < from.height ? from.row(y) : nothing.data();
    };
    for (int row = begin; row < end; ++row) {
      blend_rows(row_of(2 * row - 1), row_of(2 * row), row_of(2 * row + 1), row_of(2 * row + 2),
                 lanes, middle);
      float* cells = to.row(row);
      for (int i = 0; i < to.width; ++i) {
        const float* window = middle + 8 * i - 4;
        for (int lane = 0; lane < 4; ++lane) {
          cells[4 * i + lane] = (window[lane] + window[12 + lane]) * kOuter +
                                (window[4 + lane] + window[8 + lane]) * kInner;
        }
      }
    }
  });
}

// Writes to `cell` the four lanes that a finer cell (or pixel) reads from `coarse`.
inline void read_coarse(const Level& coarse, const float* row, const float* second_row, int x,
                        float* cell) {
  const int nearest = 4 * fill::parent(x), second = 4 * fill::second_parent(x, coarse.width);
  for (int lane = 0; lane < 4; ++lane) {
    const float here = kNear * row[nearest + lane] + kFar * second_row[nearest + lane];
    const float there = kNear * row[second + lane] + kFar * second_row[second + lane];
    cell[lane] = kNear * here + kFar * there;
  }
}

void push_cells(const Level& coarse, float persistence, const Level& fine) {
  parallel_rows(fine.height, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      const float* row = coarse.row(fill::parent(y));
      const float* second_row = coarse.row(fill::second_parent(y, coarse.height));
      fill::for_each_span(fine.wanted_row(y), fine.width, [&](int first, int last) {
        float* cells = fine.row(y);
        for (int x = first; x < last; ++x) {
          float sum[4];
          read_coarse(coarse, row, second_row, x, sum);
          for (int lane = 0; lane < 4; ++lane) cells[4 * x + lane] += persistence * sum[lane];
        }
      });
    }
  });
}

// Sets of one byte per cell: what reads a cell is at most two rows and columns away from its block.
STEREOCAST_MULTIVERSION
void unite(const std::uint8_t* __restrict set, int width, std::uint8_t* __restrict united) {
  for (int x = 0; x < width; ++x) united[x] |= set[x];
}

STEREOCAST_MULTIVERSION
void unite_blocks(const std::uint8_t* __restrict set, int count, std::uint8_t* __restrict wanted) {
  for (int i = 0; i < count; ++i) {
    wanted[i] = set[2 * i] | set[2 * i + 1] | set[2 * i + 2] | set[2 * i + 3];
  }
}

void mark_wanted(const std::uint8_t* readers, int height, int width, const Level& level) {
  parallel_rows(level.height, [&](int begin, int end) {
    std::vector<std::uint8_t> united(std::size_t{2} * level.width + 2);
    for (int row = begin; row < end; ++row) {
      std::fill(united.begin(), united.end(), std::uint8_t{0});
      for (int y = std::max(2 * row - 1, 0); y < std::min(2 * row + 3, height); ++y) {
        unite(readers + std::size_t{1} * y * width, width, united.data() + 1);
      }
      unite_blocks(united.data(), level.width, level.wanted_row(row));
    }
  });
}

struct Settings {
  int narrow;
  float rate, persistence, row_share, feather;
};

template <typename T>
void finish_row(const Picture<T>& picture, const Settings& settings, const Level& finest, int y) {
  const float* row = finest.row(fill::parent(y));
  const float* second_row = finest.row(fill::second_parent(y, finest.height));
  T* pixels = picture.view + picture.offset(y);
  T* planes[3] = {pixels, pixels + picture.plane(), pixels + 2 * picture.plane()};
  const auto finish = [&](const fill::Run& run) {
    for (T* plane : planes) fill::fill_run(run, settings.narrow, plane);
    if (fill::is_narrow(run, settings.narrow)) return;
    for (int x = run.begin; x < run.end; ++x) {
      float sum[4];
      read_coarse(finest, row, second_row, x, sum);
      const float share = 1.0f / sum[3];
      const bool first = run.has_left && x == run.begin, last = run.has_right && x == run.end - 1;
      for (int c = 0; c < 3; ++c) {
        T* plane = planes[c];
        const float row_value = static_cast<float>(plane[x]);
        float value = sum[3] > 0.0f ? sum[c] * share : row_value;
        value = fill::lean(value, row_value, settings.row_share);
        if (first) value = fill::lean(value, static_cast<float>(plane[x - 1]), settings.feather);
        if (last) value = fill::lean(value, static_cast<float>(plane[x + 1]), settings.feather);
        fill::store(value, plane + x);
      }
    }
  };
  fill::for_each_run(picture.holes + picture.offset(y), picture.disparity + picture.offset(y),
                     picture.width, finish);
}

template <typename T>
void fill_around(Array<T, 3> view, Array<const std::uint8_t, 2> holes, ConstMap disparity,
                 int narrow, std::tuple<float, float, float, float> weights, int levels) {
  const Picture<T> picture{view.data(), holes.data(), disparity.data(),
                           static_cast<int>(holes.shape(0)), static_cast<int>(holes.shape(1))};
  if (!std::memchr(picture.holes, 1, picture.plane())) return;
  const Settings settings{narrow, std::get<0>(weights), std::get<1>(weights), std::get<2>(weights),
                          std::get<3>(weights)};

  std::vector<Level> pyramid;
  const std::uint8_t* readers = picture.holes;
  for (int n = 0, height = picture.height, width = picture.width; n < levels; ++n) {
    pyramid.emplace_back((height + 1) / 2, (width + 1) / 2);
    const Level& level = pyramid.back();
    mark_wanted(readers, height, width, level);
    if (n == 0) {
      pull_pixels(picture, settings.rate, level);
    } else {
      pull_cells(pyramid[n - 1], level);
    }
    height = level.height, width = level.width, readers = level.wanted.get();
  }
  for (int n = levels - 2; n >= 0; --n)
    push_cells(pyramid[n + 1], settings.persistence, pyramid[n]);
  parallel_rows(picture.height, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) finish_row(picture, settings, pyramid[0], y);
  });
}

}  // namespace

void bind_fill_around(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("fill_around_u8", &fill_around<std::uint8_t>, release);
  module.def("fill_around_f32", &fill_around<float>, release);
}

}  // namespace stereocast
