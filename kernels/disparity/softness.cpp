// How soft silhouettes are, on the CPU: blocks, windows of 3 x 3 blocks, the median.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "disparity/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float larger(float a, float b) { return a > b ? a : b; }
float smaller(float a, float b) { return a < b ? a : b; }

// Takes one row into the extremes of every column so far; `below` is the row itself at the bottom.
STEREOCAST_MULTIVERSION
void take_row(const float* __restrict row, const float* __restrict below, int width,
              float* __restrict nearest, float* __restrict farthest, float* __restrict slope) {
  for (int x = 0; x < width; ++x) {
    nearest[x] = larger(nearest[x], row[x]);
    farthest[x] = smaller(farthest[x], row[x]);
    slope[x] = larger(slope[x], std::fabs(below[x] - row[x]));
  }
  for (int x = 0; x + 1 < width; ++x) {
    slope[x] = larger(slope[x], std::fabs(row[x + 1] - row[x]));
  }
}

struct Blocks {
  int rows, columns, block;
  std::vector<float> nearest, farthest, slope;

  Blocks(int height, int width, int side)
      : rows(height / side),
        columns(width / side),
        block(side),
        nearest(static_cast<std::size_t>(rows) * columns),
        farthest(nearest.size()),
        slope(nearest.size()) {}

  void fill_row(int row, const float* disparity, int height, int width,
                std::vector<float>& columns_now) {
    float* const near = columns_now.data();
    float* const far = near + width;
    float* const steep = far + width;
    std::fill_n(near, width, -kInfinity);
    std::fill_n(far, width, kInfinity);
    std::fill_n(steep, width, 0.0f);
    for (int y = row * block; y < (row + 1) * block; ++y) {
      const float* line = disparity + static_cast<std::size_t>(y) * width;
      take_row(line, y + 1 < height ? line + width : line, width, near, far, steep);
    }
    for (int column = 0; column < columns; ++column) {
      const std::size_t at = static_cast<std::size_t>(row) * columns + column;
      const int begin = column * block, end = begin + block;
      nearest[at] = *std::max_element(near + begin, near + end);
      farthest[at] = *std::min_element(far + begin, far + end);
      slope[at] = *std::max_element(steep + begin, steep + end);
    }
  }

  // Of the window around a block that is not at the border.
  float ramp_width(int row, int column) const {
    float near = -kInfinity, far = kInfinity, steep = 0.0f;
    for (int y = row - 1; y <= row + 1; ++y) {
      for (int x = column - 1; x <= column + 1; ++x) {
        const std::size_t at = static_cast<std::size_t>(y) * columns + x;
        near = larger(near, nearest[at]);
        far = smaller(far, farthest[at]);
        steep = larger(steep, slope[at]);
      }
    }
    const float own = slope[static_cast<std::size_t>(row) * columns + column];
    return disparity::ramp_width(near, far, steep, own, block, kInfinity);
  }
};

void measure(ConstMap disparity, int block, Array<float, 1> softness) {
  const int height = static_cast<int>(disparity.shape(0));
  const int width = static_cast<int>(disparity.shape(1));
  Blocks blocks(height, width, block);
  parallel_rows(blocks.rows, [&](int begin, int end) {
    std::vector<float> columns_now(3 * static_cast<std::size_t>(width));
    for (int row = begin; row < end; ++row) {
      blocks.fill_row(row, disparity.data(), height, width, columns_now);
    }
  });
  std::vector<float> widths;
  for (int row = 1; row + 1 < blocks.rows; ++row) {
    for (int column = 1; column + 1 < blocks.columns; ++column) {
      const float ramp = blocks.ramp_width(row, column);
      if (ramp < kInfinity) widths.push_back(ramp);
    }
  }
  softness.data()[0] = 0.0f;
  if (widths.size() < disparity::kFewest) return;
  const auto median = widths.begin() + static_cast<std::ptrdiff_t>((widths.size() - 1) / 2);
  std::nth_element(widths.begin(), median, widths.end());
  softness.data()[0] = *median;
}

}  // namespace

void bind_softness(nb::module_& module) {
  module.def("disparity_softness", &measure, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
