// Silhouettes on the CPU: bilinear upsampling, windows, votes and selection in one pass over
// strips.
//
// A strip keeps the rows that it still needs in rings that fit the second-level cache:
//   wide      the disparity at the size of the picture, as given or upsampled
//   row_*     its extremes along the row; of these, the extremes of whole windows: nearest,
//   farthest levels    places on ramps, with doubt where the picture decides; colours: the picture,
//   padded
// Rows at the seams of strips are computed twice, by the same code: the result is the same however
// many strips and threads there are.
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "disparity/math.h"
#include "disparity/rows.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using namespace disparity;

constexpr int kFewestRows = 64;  // of a strip: shorter ones would mostly compute seams

template <typename T>
class Ring {
 public:
  Ring(int rows, int width)
      : rows_(rows),
        stride_(static_cast<std::size_t>(width) + 3 * kMargin),
        values_(rows_ * stride_) {}

  // Row y, as long as no later row has taken its place; kMargin values may be written before it.
  T* operator[](int y) { return values_.data() + (y % rows_) * stride_ + kMargin; }

 private:
  int rows_;
  std::size_t stride_;
  std::vector<T> values_;
};

// What all strips share.
struct Job {
  const float* grid;
  int cells_down, cells_across, height, width;
  const std::uint8_t* image;  // may be null
  float step;
  int reach, stride, widening;
  float* out;
  std::vector<std::int32_t> left;  // empty if the map has the size of the picture
  std::vector<float> across;

  bool upsamples() const { return !left.empty(); }
  float* out_row(int y) const { return out + static_cast<std::size_t>(y) * width; }
};

template <typename T>
void extend(T* row, int width) {
  std::fill_n(row - kMargin, kMargin, row[0]);
  std::fill_n(row + width, kMargin, row[width - 1]);
}

void disparity_row(const Job& job, int y, float* mixed, float* out) {
  const auto cells = static_cast<std::size_t>(job.cells_across);
  if (!job.upsamples()) {
    std::copy_n(job.grid + static_cast<std::size_t>(y) * cells, cells, out);
    return;
  }
  const float scale = static_cast<float>(job.cells_down) / static_cast<float>(job.height);
  const float at = place(y, scale, job.cells_down);
  const int top = static_cast<int>(at);
  const int bottom = std::min(top + 1, job.cells_down - 1);
  upsample_row(job.grid + top * cells, job.grid + bottom * cells, at - static_cast<float>(top),
               job.cells_across, job.left.data(), job.across.data(), job.width, mixed, out);
}

class Strip {
 public:
  explicit Strip(const Job& job)
      : job_(job),
        seam_(job.image ? kTaps * job.stride : 0),
        wide_(job.reach + seam_ + 2, job.width),
        row_nearest_(2 * job.reach + 1, job.width),
        row_farthest_(2 * job.reach + 1, job.width),
        nearest_(seam_ + 2, job.width),
        farthest_(seam_ + 2, job.width),
        levels_(2 * seam_ + 1, job.width),
        doubt_(seam_ + 2, job.width),
        near_(3, job.width),
        steady_(1, job.width),
        colours_(job.image ? 3 * (2 * seam_ + 1) : 0, job.width),
        mixed_(job.cells_across + 1),
        scratch_(job.width + 2 * kMaxReach),
        other_(scratch_.size()),
        sides_(job.width + 2 * kMargin, kNoSide) {}

  void run(int begin, int end) {
    next_near_ = std::max(begin - 1, 0);
    next_level_ = std::max(next_near_ - seam_, 0);
    next_wide_ = std::max(next_level_ - job_.reach, 0);
    for (int y = begin; y < end; ++y) {
      for (; next_near_ <= below(y, 1); ++next_near_) {
        for (; next_level_ <= below(next_near_, seam_); ++next_level_) {
          for (; next_wide_ <= below(next_level_, job_.reach); ++next_wide_) take_wide(next_wide_);
          take_level(next_level_);
        }
        take_near(next_near_);
      }
      finish(y);
    }
  }

 private:
  int below(int y, int rows) const { return std::min(y + rows, job_.height - 1); }

  void take_wide(int y) {
    float* row = wide_[y];
    disparity_row(job_, y, mixed_.data(), row);
    extend(row, job_.width);
    row_extremes(row, job_.reach, job_.width, scratch_.data(), other_.data(), row_nearest_[y],
                 row_farthest_[y]);
  }

  void take_level(int y) {
    const float *nearest_rows[2 * kMaxReach + 1], *farthest_rows[2 * kMaxReach + 1];
    int count = 0;
    for (int row = std::max(y - job_.reach, 0); row <= below(y, job_.reach); ++row, ++count) {
      nearest_rows[count] = row_nearest_[row];
      farthest_rows[count] = row_farthest_[row];
    }
    column_extremes(nearest_rows, farthest_rows, count, job_.width, nearest_[y], farthest_[y]);
    row_levels(wide_[y], nearest_[y], farthest_[y], job_.step, job_.width, levels_[y], doubt_[y]);
    extend(levels_[y], job_.width);
    std::fill_n(doubt_[y] + job_.width, kBlock, std::uint8_t{0});
    if (job_.image) take_colours(y);
  }

  void take_colours(int y) {
    const std::size_t plane = static_cast<std::size_t>(job_.height) * job_.width;
    for (int c = 0; c < 3; ++c) {
      const std::uint8_t* from = job_.image + c * plane + static_cast<std::size_t>(y) * job_.width;
      std::copy_n(from, job_.width, colours_[3 * y + c]);
      extend(colours_[3 * y + c], job_.width);
    }
  }

  void take_near(int y) {
    row_near(nearest_[y], farthest_[y], levels_[y], job_.step, job_.width, near_[y]);
    if (job_.image) ask_picture(y, near_[y]);
  }

  void finish(int y) {
    std::uint8_t* near = steady_[0];
    row_majority(near_[std::max(y - 1, 0)], near_[y], near_[below(y, 1)], job_.width, near);
    finish_row(wide_[y], nearest_[y], farthest_[y], near, job_.step, job_.widening, job_.width,
               sides_.data() + kMargin, job_.out_row(y));
  }

  void ask_picture(int y, std::uint8_t* near) {
    Electorate rows;
    for (int k = 0; k <= 2 * kTaps; ++k) {
      const int row = std::clamp(y + (k - kTaps) * job_.stride, 0, job_.height - 1);
      for (int c = 0; c < 3; ++c) rows.colours[k][c] = colours_[3 * row + c];
      rows.levels[k] = levels_[row];
    }
    const std::uint8_t* doubt = doubt_[y];
    for (int x = 0; x < job_.width; x += kBlock) {
      if (std::find(doubt + x, doubt + x + kBlock, 1) == doubt + x + kBlock) continue;
      vote(rows, x, job_.stride, doubt + x, near + x);
    }
  }

  const Job& job_;
  int seam_;  // rows above and below that have a say
  Ring<float> wide_, row_nearest_, row_farthest_, nearest_, farthest_;
  Ring<std::int8_t> levels_;
  Ring<std::uint8_t> doubt_, near_, steady_, colours_;
  std::vector<float> mixed_, scratch_, other_;
  std::vector<float> sides_;  // kMargin times kNoSide before and after the row
  int next_near_ = 0, next_level_ = 0, next_wide_ = 0;
};

void copy_or_upsample(const Job& job) {
  parallel_rows(job.height, [&](int begin, int end) {
    std::vector<float> mixed(job.cells_across + 1);
    for (int y = begin; y < end; ++y) disparity_row(job, y, mixed.data(), job.out_row(y));
  });
}

void run(const Job& job) {
  if (job.reach == 0) return copy_or_upsample(job);
  const int strips = std::clamp(job.height / kFewestRows, 1, 2 * threads());
  // The pool deals out rows in chunks: give every strip as many as a chunk may have.
  constexpr int kChunk = 16;
  parallel_rows(strips * kChunk, [&](int begin, int end) {
    std::optional<Strip> strip;
    for (int i = (begin + kChunk - 1) / kChunk; i * kChunk < end; ++i) {
      if (!strip) strip.emplace(job);
      strip->run(job.height * i / strips, job.height * (i + 1) / strips);
    }
  });
}

void silhouettes(ConstMap disparity, Array<const float, 1> softness,
                 const std::optional<ConstImage>& image, float step, float share, int limit,
                 Map out) {
  Job job{};
  job.grid = disparity.data();
  job.cells_down = static_cast<int>(disparity.shape(0));
  job.cells_across = static_cast<int>(disparity.shape(1));
  job.height = static_cast<int>(out.shape(0));
  job.width = static_cast<int>(out.shape(1));
  if (limit > kMaxReach) throw std::invalid_argument("silhouettes: the greatest reach is 16 px");
  job.image = image ? image->data() : nullptr;
  job.step = step;
  job.out = out.data();
  const float wider = static_cast<float>(job.width) / static_cast<float>(job.cells_across);
  job.reach = reach_px(softness.data()[0], wider, share, limit);
  job.stride = tap_stride(job.reach);
  job.widening = widening(job.reach);
  if (job.cells_down != job.height || job.cells_across != job.width) {
    const float scale = static_cast<float>(job.cells_across) / static_cast<float>(job.width);
    job.left.resize(job.width);
    job.across.resize(job.width);
    for (int x = 0; x < job.width; ++x) {
      const float at = place(x, scale, job.cells_across);
      job.left[x] = static_cast<std::int32_t>(at);
      job.across[x] = at - static_cast<float>(job.left[x]);
    }
  }
  run(job);
}

}  // namespace

void bind_disparity(nb::module_& module) {
  module.def("disparity_silhouettes", &silhouettes, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
