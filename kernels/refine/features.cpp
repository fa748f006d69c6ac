// What the network looks at, on the CPU: one row of cells at a time.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "pool.h"
#include "refine/math.h"
#include "tensors.h"

namespace stereocast {
namespace {

using Maps = Array<const float, 3>;  // [B, h, w]

// One row of everything that is looked at.
struct Row {
  const float *teacher, *above, *below, *history, *confidence, *error, *length, *now, *before;
};

// |∂x| + |∂y| by central differences, edges continued.
STEREOCAST_MULTIVERSION
void slope_row(const Row& row, int width, float* __restrict padded, float* __restrict slope) {
  std::copy(row.teacher, row.teacher + width, padded + 1);
  padded[0] = row.teacher[0];
  padded[width + 1] = row.teacher[width - 1];
  for (int x = 0; x < width; ++x) {
    const float across = fabsf(padded[x + 2] - padded[x]);
    slope[x] = (across + fabsf(row.below[x] - row.above[x])) / 2.0f;
  }
}

STEREOCAST_MULTIVERSION
void add_row(const Row& row, const float* __restrict slope, int width, int stride,
             float* __restrict sums) {
  for (int x = 0; x < width; ++x) {
    const refine::Features seen =
        refine::features(row.teacher[x], row.history[x], row.confidence[x], row.error[x], slope[x],
                         row.now[x], row.before[x], row.length[x]);
    for (int plane = 0; plane < refine::kFeatures; ++plane) {
      sums[plane * stride + x] += seen.planes[plane];
    }
  }
}

void features(Maps teacher, Maps history, Maps confidence, Maps error, Maps length, Maps now,
              Maps before, Array<float, 4> out) {
  const int height = static_cast<int>(teacher.shape(1)), width = static_cast<int>(teacher.shape(2));
  const int down = static_cast<int>(out.shape(2)), across = static_cast<int>(out.shape(3));
  const int stride = across * refine::kCell;
  parallel_rows(static_cast<int>(out.shape(0)) * down, [&](int begin, int end) {
    std::vector<float> sums(refine::kFeatures * stride), padded(width + 2), slope(width);
    for (int cells = begin; cells < end; ++cells) {
      const int batch = cells / down, first = cells % down * refine::kCell;
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (int j = 0; j < refine::kCell; ++j) {
        const auto at = [&](int y) {
          const int inside = std::clamp(y, 0, height - 1);
          return (static_cast<std::size_t>(batch) * height + inside) * width;
        };
        const int y = std::min(first + j, height - 1);
        const std::size_t here = at(y);
        const Row row{teacher.data() + here, teacher.data() + at(y - 1), teacher.data() + at(y + 1),
                      history.data() + here, confidence.data() + here,   error.data() + here,
                      length.data() + here,  now.data() + here,          before.data() + here};
        slope_row(row, width, padded.data(), slope.data());
        add_row(row, slope.data(), width, stride, sums.data());
      }
      for (int plane = 0; plane < refine::kFeatures; ++plane) {
        float* sum = sums.data() + plane * stride;
        std::fill(sum + width, sum + stride, sum[width - 1]);
        float* cell =
            out.data() +
            ((static_cast<std::size_t>(batch) * refine::kFeatures + plane) * down + cells % down) *
                across;
        for (int i = 0; i < across; ++i) {
          const float* four = sum + i * refine::kCell;
          cell[i] = ((four[0] + four[1]) + (four[2] + four[3])) / 16.0f;
        }
      }
    }
  });
}

}  // namespace

void bind_refine_features(nb::module_& module) {
  module.def("refine_features", &features, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
