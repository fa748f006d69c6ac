// Forward warp on the CPU: one row at a time, independent of all others, every eye in turn.
//
// Per row and eye: (1) vectorised, where every segment begins and what it would write if it covered
// exactly one target, the case of nearly all of them; (2) one scalar pass that lands them and sends
// the rest (torn, stretched over two targets) through the general path; (3) sampling, in sample.h.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "pool.h"
#include "tensors.h"
#include "warp/math.h"
#include "warp/sample.h"

namespace stereocast {
namespace {

using warp::Grid;
using warp::Key;

// Segments that cover no target land beyond the row, in turn: one spot would make each wait for the
// one before.
constexpr int kBeyond = 8;

// Scratch of one thread for one row.
struct Scratch {
  std::vector<float> target;
  std::vector<Key> key, winner;
  std::vector<std::int32_t> first;
  warp::Sampler sampler;

  Scratch(int width, int view_width)
      : target(width),
        key(width),
        winner(view_width + kBeyond),
        first(width),
        sampler(width, view_width) {}
};

constexpr std::int32_t kGeneral = -1;

// Conditions are combined with & and |: short circuits would keep the loops from being vectorised.
STEREOCAST_MULTIVERSION
void prepare(const float* __restrict disparity, Grid grid, float gain, float tear, int width,
             int view_width, float* __restrict target, std::int32_t* __restrict first,
             Key* __restrict key) {
  for (int x = 0; x < width; ++x) {
    target[x] = grid.target(static_cast<float>(x), gain, disparity[x]);
  }
  const float last = static_cast<float>(view_width);
  for (int x = 0; x < width - 1; ++x) {
    const float begin = target[x], end = target[x + 1];
    const float change = disparity[x + 1] - disparity[x];
    const float whole = ceilf(begin);
    const float share = (whole - begin) / (end - begin);
    key[x] = warp::key_of(disparity[x] + share * change, static_cast<float>(x) + share);
    const bool inside = (whole < end) & (whole >= 0.0f) & (whole < last);
    const bool general = !(fabsf(change) <= tear) | (whole + 1.0f < end);
    const std::int32_t landing = static_cast<std::int32_t>(inside ? whole : 0.0f);
    const std::int32_t beyond = view_width + x % kBeyond;
    first[x] = general ? kGeneral : inside ? landing : beyond;
  }
}

STEREOCAST_MULTIVERSION
void draw_row(const float* disparity, int width, int view_width, const Grid& grid, float gain,
              float tear, Scratch& scratch) {
  Key* winner = scratch.winner.data();
  std::fill_n(winner, view_width, warp::kNothing);
  prepare(disparity, grid, gain, tear, width, view_width, scratch.target.data(),
          scratch.first.data(), scratch.key.data());
  const float* target = scratch.target.data();
  const auto land = [winner](int column, Key key) {
    winner[column] = std::max(winner[column], key);
  };
  for (int x = 0; x < width - 1; ++x) {
    if (scratch.first[x] != kGeneral) {
      land(scratch.first[x], scratch.key[x]);
    } else {
      warp::draw_between(x, target[x], target[x + 1], disparity[x], disparity[x + 1], grid, tear,
                         view_width, land);
    }
  }
  warp::draw_beyond(0, target[0], disparity[0], -1, grid, view_width, land);
  const int end = width - 1;
  warp::draw_beyond(end, target[end], disparity[end], 1, grid, view_width, land);
}

// Splits what won into disparity, whether it is a hole, the source pixel to read first (`black` in
// holes), and the share of its successor.
STEREOCAST_MULTIVERSION
void decode_row(const Key* __restrict winner, float scale, float shift, std::int32_t black,
                int width, float* __restrict disparity, std::uint8_t* __restrict holes,
                std::int32_t* __restrict first, float* __restrict share) {
  for (int x = 0; x < width; ++x) {
    disparity[x] = warp::disparity_of(winner[x]) * scale;
    share[x] = warp::column_of(winner[x]) + shift;
  }
  // A second loop: in one, the compiler would not mix the widths of keys and columns in vectors.
  for (int x = 0; x < width; ++x) {
    const std::int32_t open = -static_cast<std::int32_t>(share[x] < 0.0f);
    const float column = std::max(share[x], 0.0f);
    const std::int32_t whole = static_cast<std::int32_t>(column);
    first[x] = whole | (black & open);
    share[x] = column - static_cast<float>(whole);
  }
  for (int x = 0; x < width; ++x) holes[x] = first[x] == black;
}

// The disparity of an eye that is the source itself.
void own_disparity(const float* disparity, int width, bool half_width, float* own) {
  if (!half_width) {
    std::memcpy(own, disparity, sizeof(float) * static_cast<std::size_t>(width));
    return;
  }
  for (int x = 0; x < width; x += 2) {
    own[x / 2] = (disparity[x] + disparity[std::min(x + 1, width - 1)]) * 0.25f;
  }
}

template <typename T>
void warp_eyes(Array<const T, 3> image, ConstMap disparity, Array<const float, 1> gains, float tear,
               bool half_width, Array<T, 4> views, Array<float, 3> view_disparities,
               Array<std::uint8_t, 3> holes) {
  const int height = static_cast<int>(disparity.shape(0));
  const int width = static_cast<int>(disparity.shape(1));
  const int view_width = static_cast<int>(view_disparities.shape(2));
  const int eyes = static_cast<int>(gains.shape(0));
  if (width == 0 || height == 0) throw std::invalid_argument("warp: the image is empty");
  const std::size_t plane = std::size_t{1} * height * width;
  const std::size_t view_plane = std::size_t{1} * height * view_width;
  const Grid grid = warp::grid_of(half_width);
  parallel_rows(height, [&](int begin, int end) {
    Scratch scratch(width, view_width);
    for (int y = begin; y < end; ++y) {
      const float* depth = disparity.data() + std::size_t{1} * y * width;
      const T* source = image.data() + std::size_t{1} * y * width;
      scratch.sampler.load(source, plane);
      for (int eye = 0; eye < eyes; ++eye) {
        const std::size_t offset = std::size_t{1} * y * view_width;
        T* view = views.data() + 3 * eye * view_plane + offset;
        float* view_depth = view_disparities.data() + eye * view_plane + offset;
        std::uint8_t* view_holes = holes.data() + eye * view_plane + offset;
        const float gain = gains.data()[eye];
        if (gain == 0.0f) {
          std::fill_n(view_holes, view_width, std::uint8_t{0});
          own_disparity(depth, width, half_width, view_depth);
          warp::copy_row(source, plane, width, half_width, view, view_plane);
          continue;
        }
        draw_row(depth, width, view_width, grid, gain, tear, scratch);
        decode_row(scratch.winner.data(), grid.scale, half_width ? 0.5f : 0.0f,
                   scratch.sampler.black(), view_width, view_depth, view_holes,
                   scratch.sampler.first(), scratch.sampler.share());
        scratch.sampler.write(source, plane, half_width, view, view_plane);
      }
    }
  });
}

}  // namespace

void bind_warp(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("warp_u8", &warp_eyes<std::uint8_t>, release);
  module.def("warp_f32", &warp_eyes<float>, release);
}

}  // namespace stereocast
