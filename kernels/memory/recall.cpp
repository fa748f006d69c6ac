// Recalling on the CPU: the runs of holes of every row, one pixel after the other.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "memory/math.h"
#include "memory/tiles.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

constexpr float kHole = -std::numeric_limits<float>::infinity();

// One row of the plate, in columns of the picture.
struct PlateRow {
  const std::uint8_t *colour[3], *age, *steady, *lost;
  const float* depth;
  int width, origin;

  int column(int x) const { return x + origin < width ? x + origin : x + origin - width; }
  bool known(int x) const {
    const int at = column(x);
    return age[at] != memory::kNothing && steady[at] == memory::kSteady && lost[x] == 0;
  }
  float disparity(int x) const { return depth[column(x)]; }
};

struct Hole {
  float behind, allowed;
};

// The disparity remembered where a target column's background lies, or the one assumed.
float look_up(const PlateRow& plate, float target, float gain, const Hole& hole) {
  const float last = static_cast<float>(plate.width - 1);
  float found = hole.behind;
  for (int round = 0; round < memory::kRounds; ++round) {
    const float source = std::fmin(std::fmax(target - gain * found, 0.0f), last);
    const int nearest = static_cast<int>(source + 0.5f);
    const float other = plate.disparity(nearest);
    const bool agrees = plate.known(nearest) && std::fabs(other - hole.behind) <= hole.allowed;
    found = agrees ? other : hole.behind;
  }
  return found;
}

bool fits(const PlateRow& plate, int x, const Hole& hole) {
  return plate.known(x) && std::fabs(plate.disparity(x) - hole.behind) <= hole.allowed;
}

void recall_pixel(const PlateRow& plate, int x, float gain, const Hole& hole,
                  std::uint8_t* const view[3], float* disparity) {
  const float found = look_up(plate, static_cast<float>(x), gain, hole);
  const float source = static_cast<float>(x) - gain * found;
  if (!(source >= 0.0f && source <= static_cast<float>(plate.width - 1))) return;
  const int left = static_cast<int>(source), right = std::min(left + 1, plate.width - 1);
  if (!fits(plate, left, hole) || !fits(plate, right, hole)) return;
  const float share = source - static_cast<float>(left);
  for (int c = 0; c < 3; ++c) {
    const float first = plate.colour[c][plate.column(left)];
    const float second = plate.colour[c][plate.column(right)];
    view[c][x] =
        static_cast<std::uint8_t>(static_cast<int>(first + share * (second - first) + 0.5f));
  }
  disparity[x] = found;
}

STEREOCAST_MULTIVERSION
void find_holes(const float* __restrict disparity, int width, std::uint8_t* __restrict mask) {
  for (int x = 0; x < width; ++x) mask[x] = disparity[x] == kHole;
}

int find(const std::uint8_t* mask, int begin, int width, int value) {
  const void* found = std::memchr(mask + begin, value, static_cast<std::size_t>(width - begin));
  return found ? static_cast<int>(static_cast<const std::uint8_t*>(found) - mask) : width;
}

void recall_row(const PlateRow& plate, float gain, float tolerance, const std::uint8_t* mask,
                std::uint8_t* const view[3], float* disparity) {
  const int width = plate.width;
  for (int begin = find(mask, 0, width, 1); begin < width;) {
    const int end = find(mask, begin, width, 0);
    constexpr float kNone = std::numeric_limits<float>::infinity();
    const float before = begin > 0 ? disparity[begin - 1] : kNone;
    const float after = end < width ? disparity[end] : kNone;
    const bool from_left = before <= after;
    const float behind = from_left ? before : after;
    for (int x = begin; x < end && behind < kNone; ++x) {
      const int away = from_left ? x - begin + 1 : end - x;
      const Hole hole{behind, tolerance + memory::kSlant * static_cast<float>(away)};
      recall_pixel(plate, x, gain, hole, view, disparity);
    }
    begin = end < width ? find(mask, end, width, 1) : width;
  }
}

void recall(ConstImage colour, ConstMap depth, Array<const std::uint8_t, 2> age,
            Array<const std::uint8_t, 2> steady, memory::ConstTiles mismatch,
            Array<const std::int32_t, 1> origin, Array<const float, 1> gain, float tolerance,
            Image view, Map disparity) {
  const int height = static_cast<int>(depth.shape(0)), width = static_cast<int>(depth.shape(1));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  parallel_rows(static_cast<int>(mismatch.shape(0)), [&](int first, int last) {
    std::vector<std::uint8_t> lost(width), mask(width);
    for (int y = first * memory::kTile; y < std::min(last * memory::kTile, height); ++y) {
      if (y % memory::kTile == 0) {
        memory::find_lost(mismatch, y / memory::kTile, width, lost.data());
      }
      const std::size_t seen = static_cast<std::size_t>(y) * width;
      const std::size_t row = static_cast<std::size_t>((y + origin.data()[1]) % height) * width;
      const std::uint8_t* red = colour.data() + row;
      const PlateRow plate{{red, red + area, red + 2 * area},
                           age.data() + row,
                           steady.data() + row,
                           lost.data(),
                           depth.data() + row,
                           width,
                           origin.data()[0]};
      std::uint8_t* out = view.data() + seen;
      std::uint8_t* const views[3] = {out, out + area, out + 2 * area};
      find_holes(disparity.data() + seen, width, mask.data());
      recall_row(plate, gain.data()[0], tolerance, mask.data(), views, disparity.data() + seen);
    }
  });
}

}  // namespace

void bind_recall(nb::module_& module) {
  module.def("recall", &recall, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
