// Forward warp on the CPU: one row at a time, independent of all others.
//
// Per row: (1) vectorised, where every segment begins and what it would write if it covered exactly
// one target, the case of nearly all of them; (2) one scalar pass that lands them and sends the
// rest (torn, stretched over two targets) through the general path; (3) sampling.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "pool.h"
#include "tensors.h"
#include "warp/math.h"

namespace stereocast {
namespace {

using warp::kNothing;
using warp::Row;
using warp::Segment;

enum Kind : std::int32_t { kEmpty = 0, kSingle = 1, kGeneral = 2 };

// Scratch of one thread for one row.
struct Scratch {
  std::vector<float> target, disparity, column, winner;
  std::vector<std::int32_t> first, kind;
  std::vector<std::uint32_t> packed;  // one pixel more than the row: the last one again
  std::vector<std::uint32_t> from, to;
  std::vector<float> share;

  explicit Scratch(int width)
      : target(width),
        disparity(width),
        column(width),
        winner(width),
        first(width),
        kind(width),
        packed(width + 1),
        from(width),
        to(width),
        share(width) {}
};

// Conditions are combined with & and |: short circuits would keep the loop from being vectorised.
STEREOCAST_MULTIVERSION
void prepare(const float* __restrict disparity, float gain, float tear, int width,
             float* __restrict target, float* __restrict landing_disparity,
             float* __restrict landing_column, std::int32_t* __restrict first,
             std::int32_t* __restrict kind) {
  for (int x = 0; x < width; ++x) target[x] = static_cast<float>(x) + gain * disparity[x];
  const float last = static_cast<float>(width);
  for (int x = 0; x < width - 1; ++x) {
    const float begin = target[x], end = target[x + 1];
    const float change = disparity[x + 1] - disparity[x];
    const float whole = std::ceil(begin);
    const float share = (whole - begin) / (end - begin);
    landing_disparity[x] = disparity[x] + share * change;
    landing_column[x] = static_cast<float>(x) + share;
    const bool inside = (whole < end) & (whole >= 0.0f) & (whole < last);
    const bool general = (std::fabs(change) > tear) | (whole + 1.0f < end);
    first[x] = static_cast<std::int32_t>(inside ? whole : 0.0f);
    const std::int32_t single = inside ? kSingle : kEmpty;
    kind[x] = general ? kGeneral : single;
  }
}

void draw_torn(Row& row, const float* target, const float* disparity, int x) {
  const float left = static_cast<float>(x);
  row.draw({target[x], target[x] + 0.5f, disparity[x], 0.0f, left, 0.0f});
  row.draw({target[x + 1] - 0.5f, target[x + 1], disparity[x + 1], 0.0f, left + 1.0f, 0.0f});
}

void draw_row(const float* disparity, float gain, float tear, Scratch& scratch, Row row) {
  const int width = row.width;
  std::fill_n(row.disparity, width, kNothing);
  std::fill_n(row.column, width, kNothing);
  prepare(disparity, gain, tear, width, scratch.target.data(), scratch.disparity.data(),
          scratch.column.data(), scratch.first.data(), scratch.kind.data());
  const float* target = scratch.target.data();
  row.draw({target[0] - 0.5f, target[0], disparity[0], 0.0f, 0.0f, 0.0f});
  for (int x = 0; x < width - 1; ++x) {
    if (scratch.kind[x] == kSingle) {
      row.land(scratch.first[x], scratch.disparity[x], scratch.column[x]);
    } else if (scratch.kind[x] == kGeneral) {
      const float change = disparity[x + 1] - disparity[x];
      if (std::fabs(change) > tear) {
        draw_torn(row, target, disparity, x);
      } else {
        row.draw({target[x], target[x + 1], disparity[x], change, static_cast<float>(x), 1.0f});
      }
    }
  }
  const int end = width - 1;
  row.draw({target[end], target[end] + 0.5f, disparity[end], 0.0f, static_cast<float>(end), 0.0f});
}

// Sampling of bytes works on packed pixels, so that one gather fetches all three channels.
STEREOCAST_MULTIVERSION
void pack_pixels(const std::uint8_t* __restrict red, const std::uint8_t* __restrict green,
                 const std::uint8_t* __restrict blue, int width, std::uint32_t* __restrict packed) {
  for (int x = 0; x < width; ++x) {
    packed[x] = red[x] | static_cast<std::uint32_t>(green[x]) << 8 |
                static_cast<std::uint32_t>(blue[x]) << 16;
  }
  packed[width] = packed[width - 1];
}

// The two source pixels of every target, and how far between them it lies; holes are black.
void gather(const std::uint32_t* __restrict packed, const float* __restrict column, int width,
            std::uint32_t* __restrict first, std::uint32_t* __restrict second,
            float* __restrict share) {
  for (int x = 0; x < width; ++x) {
    const float from = column[x] > 0.0f ? column[x] : 0.0f;
    const std::int32_t left = static_cast<std::int32_t>(from);
    const std::uint32_t mask = -static_cast<std::uint32_t>(column[x] >= 0.0f);
    share[x] = from - static_cast<float>(left);
    first[x] = packed[left] & mask;
    second[x] = packed[left + 1] & mask;
  }
}

STEREOCAST_MULTIVERSION
void lerp_channel(const std::uint32_t* __restrict first, const std::uint32_t* __restrict second,
                  const float* __restrict share, int shift, int width,
                  std::uint8_t* __restrict channel) {
  for (int x = 0; x < width; ++x) {
    const float from = static_cast<float>(static_cast<std::int32_t>(first[x] >> shift & 0xFFu));
    const float to = static_cast<float>(static_cast<std::int32_t>(second[x] >> shift & 0xFFu));
    const float value = from + share[x] * (to - from) + 0.5f;
    channel[x] = static_cast<std::uint8_t>(static_cast<std::int32_t>(value));
  }
}

void sample_row(const std::uint8_t* const source[3], const float* column, int width,
                Scratch& scratch, std::uint8_t* const view[3]) {
  pack_pixels(source[0], source[1], source[2], width, scratch.packed.data());
  gather(scratch.packed.data(), column, width, scratch.from.data(), scratch.to.data(),
         scratch.share.data());
  for (int c = 0; c < 3; ++c) {
    lerp_channel(scratch.from.data(), scratch.to.data(), scratch.share.data(), 8 * c, width,
                 view[c]);
  }
}

void sample_row(const float* const source[3], const float* column, int width, Scratch&,
                float* const view[3]) {
  for (int c = 0; c < 3; ++c) {
    for (int x = 0; x < width; ++x) {
      const bool hit = column[x] >= 0.0f;
      const int left = hit ? static_cast<int>(column[x]) : 0;
      const float share = hit ? column[x] - static_cast<float>(left) : 0.0f;
      const float first = source[c][left];
      const float value = first + share * (source[c][std::min(left + 1, width - 1)] - first);
      view[c][x] = hit ? value : 0.0f;
    }
  }
}

template <typename T>
void warp_image(Array<const T, 3> image, ConstMap disparity, Array<const float, 1> gain, float tear,
                Array<T, 3> view, Map view_disparity) {
  const int height = static_cast<int>(disparity.shape(0));
  const int width = static_cast<int>(disparity.shape(1));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  if (width == 0 || height == 0) throw std::invalid_argument("warp: the image is empty");
  const T* source = image.data();
  T* target = view.data();
  parallel_rows(height, [&](int begin, int end) {
    Scratch scratch(width);
    for (int y = begin; y < end; ++y) {
      const std::size_t offset = static_cast<std::size_t>(y) * width;
      Row row{view_disparity.data() + offset, scratch.winner.data(), width};
      draw_row(disparity.data() + offset, gain.data()[0], tear, scratch, row);
      const T* const sources[3] = {source + offset, source + plane + offset,
                                   source + 2 * plane + offset};
      T* const views[3] = {target + offset, target + plane + offset, target + 2 * plane + offset};
      sample_row(sources, row.column, width, scratch, views);
    }
  });
}

}  // namespace

void bind_warp(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("warp_u8", &warp_image<std::uint8_t>, release);
  module.def("warp_f32", &warp_image<float>, release);
}

}  // namespace stereocast
