// The background memory on the CPU.
//
// Remembering works on rows of tiles, so that a tile's sum belongs to one thread. On the torus a
// row of the picture is one or two contiguous pieces of a row of the plate.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "memory/math.h"
#include "memory/tiles.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using memory::kGuard;
using memory::kTile;
using Bytes = Array<std::uint8_t, 2>;

struct Scratch {
  std::vector<float> upright, around;  // maxima of disparity, with a margin at either side
  std::vector<std::uint8_t> valid, take, alike, lost, paint;  // 0 or 0xFF
  std::vector<std::uint8_t> now, detail;
  std::vector<std::int16_t> worse;

  explicit Scratch(int width)
      : upright(width + 2 * kGuard),
        around(width + 2 * kGuard),
        valid(width),
        take(width),
        alike(width),
        lost(width),
        paint(width),
        now(width + 1),
        detail(width),
        worse(width) {}
};

STEREOCAST_MULTIVERSION
void raise_to(const float* __restrict row, int width, float* __restrict highest) {
  for (int x = 0; x < width; ++x) highest[x] = row[x] > highest[x] ? row[x] : highest[x];
}

// Maxima over 2 and then 4 and 8 neighbours, and the ninth: `highest` begins kGuard columns before
// the row, `other` is scratch of the same size; the result begins at the row.
STEREOCAST_MULTIVERSION
void widen(float* __restrict highest, float* __restrict other, int width) {
  const int count = width + 2 * kGuard;
  for (int x = 0; x < count - 1; ++x) other[x] = std::max(highest[x], highest[x + 1]);
  for (int x = 0; x < count - 3; ++x) {
    other[x] = std::max(other[x], other[x + 2]);
  }
  for (int x = 0; x < width; ++x) {
    highest[x] = std::max(std::max(other[x], other[x + 4]), highest[x + 8]);
  }
}
static_assert(kGuard == 4);

void find_nearest_around(const float* disparity, int y, int width, int height, Scratch& scratch) {
  float* middle = scratch.upright.data() + kGuard;
  const int first = std::max(y - kGuard, 0), last = std::min(y + kGuard, height - 1);
  std::copy_n(disparity + static_cast<std::size_t>(first) * width, width, middle);
  for (int j = first + 1; j <= last; ++j) {
    raise_to(disparity + static_cast<std::size_t>(j) * width, width, middle);
  }
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  std::fill_n(scratch.upright.data(), kGuard, kNone);
  std::fill_n(middle + width, kGuard, kNone);
  widen(scratch.upright.data(), scratch.around.data(), width);
}

// Grey, and how it differs from its right neighbour; the last column has none.
STEREOCAST_MULTIVERSION
void see(const std::uint8_t* __restrict red, const std::uint8_t* __restrict green,
         const std::uint8_t* __restrict blue, int width, std::uint8_t* __restrict now) {
  for (int x = 0; x < width; ++x) {
    now[x] = static_cast<std::uint8_t>(memory::grey(red[x], green[x], blue[x]));
  }
}

STEREOCAST_MULTIVERSION
void find_detail(const std::uint8_t* __restrict now, int width, std::uint8_t* __restrict detail) {
  for (int x = 0; x < width; ++x) {
    const std::uint8_t high = std::max(now[x], now[x + 1]), low = std::min(now[x], now[x + 1]);
    detail[x] = static_cast<std::uint8_t>(high - low);
  }
}

// Which surface a pixel sees: one to take, and whether it is the one that was remembered.
STEREOCAST_MULTIVERSION
void compare(const float* __restrict disparity, const float* __restrict around,
             const float* __restrict old, const std::uint8_t* __restrict valid, float same_px,
             int count, std::uint8_t* __restrict take, std::uint8_t* __restrict alike) {
  for (int x = 0; x < count; ++x) {
    const int clean = disparity[x] >= around[x] - memory::kGuardStep ? 0xFF : 0;
    const int behind = disparity[x] <= old[x] + same_px ? 0xFF : 0;
    const int same = std::fabs(disparity[x] - old[x]) <= same_px ? 0xFF : 0;
    take[x] = static_cast<std::uint8_t>(clean & (behind | ~valid[x]));
    alike[x] = static_cast<std::uint8_t>(clean & same & valid[x]);
  }
}

STEREOCAST_MULTIVERSION
void find_valid(const std::uint8_t* __restrict age, int limit, int count,
                std::uint8_t* __restrict valid) {
  for (int x = 0; x < count; ++x) valid[x] = age[x] < limit ? 0xFF : 0;
}

// How much each pixel that sees the remembered surface differs from it.
STEREOCAST_MULTIVERSION
void measure(const std::uint8_t* __restrict red, const std::uint8_t* __restrict green,
             const std::uint8_t* __restrict blue, const std::uint8_t* __restrict now,
             const std::uint8_t* __restrict detail, int slack, int count,
             std::int16_t* __restrict worse) {
  for (int x = 0; x < count; ++x) {
    const int old = memory::grey(red[x], green[x], blue[x]);
    const int change = memory::absolute(now[x] - old);
    worse[x] = static_cast<std::int16_t>(memory::mismatch(change, detail[x], slack));
  }
}

STEREOCAST_MULTIVERSION
void grow_older(const std::uint8_t* __restrict take, const std::uint8_t* __restrict alike,
                const std::uint8_t* __restrict valid, const std::uint8_t* __restrict lost,
                const std::int16_t* __restrict worse, int count, std::uint8_t* __restrict age,
                std::uint8_t* __restrict steady, std::uint8_t* __restrict paint) {
  for (int x = 0; x < count; ++x) {
    const std::uint8_t kept = valid[x] & static_cast<std::uint8_t>(~lost[x]);
    const std::uint8_t older = static_cast<std::uint8_t>((age[x] + 1) | ~kept);
    age[x] = static_cast<std::uint8_t>(older & ~take[x]);
    const std::uint8_t rests = worse[x] <= 0 ? alike[x] : 0;
    const std::uint8_t more = std::min<std::uint8_t>(steady[x] + 1, memory::kSteady) & rests;
    steady[x] = static_cast<std::uint8_t>((more & take[x]) | (steady[x] & ~take[x]));
    paint[x] = static_cast<std::uint8_t>(take[x] & ~rests);
  }
}

STEREOCAST_MULTIVERSION
void take_bytes(const std::uint8_t* __restrict seen, const std::uint8_t* __restrict take, int count,
                std::uint8_t* __restrict plate) {
  for (int x = 0; x < count; ++x) {
    plate[x] = static_cast<std::uint8_t>((seen[x] & take[x]) | (plate[x] & ~take[x]));
  }
}

STEREOCAST_MULTIVERSION
void take_floats(const float* __restrict seen, const std::uint8_t* __restrict take, int count,
                 float* __restrict plate) {
  for (int x = 0; x < count; ++x) plate[x] = take[x] ? seen[x] : plate[x];
}

void add_to_tiles(const std::int16_t* worse, const std::uint8_t* alike, int width,
                  std::int32_t* tiles) {
  for (int begin = 0; begin < width; begin += kTile) {
    const int end = std::min(begin + kTile, width);
    std::int32_t sum = 0;
    for (int x = begin; x < end; ++x) sum += alike[x] ? worse[x] : 0;
    tiles[begin / kTile] += sum;
  }
}

// Everything that one call works on.
struct Job {
  int width, height, origin_x, origin_y, shift_x, shift_y;
  bool trusted;
  int slack;
  float same_px;
  int age_limit;
  std::array<const std::uint8_t*, 3> image;
  const float* disparity;
  std::array<std::uint8_t*, 3> colour;
  float* depth;
  std::uint8_t *age, *steady;

  bool came_from_inside(int y) const { return trusted && y + shift_y >= 0 && y + shift_y < height; }
};

// What a row of the picture sees: its grey, its detail, and what stands around it.
void look_at_row(const Job& job, int y, Scratch& scratch) {
  const std::size_t row = static_cast<std::size_t>(y) * job.width;
  find_nearest_around(job.disparity, y, job.width, job.height, scratch);
  see(job.image[0] + row, job.image[1] + row, job.image[2] + row, job.width, scratch.now.data());
  scratch.now[job.width] = scratch.now[job.width - 1];
  find_detail(scratch.now.data(), job.width, scratch.detail.data());
}

// `count` pixels from picture column `from` on, which are at `plate` in the memory's planes.
void update_piece(const Job& job, int y, int from, std::size_t plate, int count, Scratch& scratch) {
  const std::size_t seen = static_cast<std::size_t>(y) * job.width + from;
  std::uint8_t *valid = scratch.valid.data() + from, *take = scratch.take.data() + from;
  std::uint8_t *alike = scratch.alike.data() + from, *age = job.age + plate;
  std::int16_t* worse = scratch.worse.data() + from;
  find_valid(age, job.came_from_inside(y) ? job.age_limit : 0, count, valid);
  const int begin = std::clamp(-job.shift_x - from, 0, count);
  const int end = std::clamp(job.width - job.shift_x - from, begin, count);
  std::fill(valid, valid + begin, 0);
  std::fill(valid + end, valid + count, 0);
  compare(job.disparity + seen, scratch.upright.data() + from, job.depth + plate, valid,
          job.same_px, count, take, alike);
  measure(job.colour[0] + plate, job.colour[1] + plate, job.colour[2] + plate,
          scratch.now.data() + from, scratch.detail.data() + from, job.slack, count, worse);
  grow_older(take, alike, valid, scratch.lost.data() + from, worse, count, age, job.steady + plate,
             scratch.paint.data() + from);
  for (int c = 0; c < 3; ++c)
    take_bytes(job.image[c] + seen, scratch.paint.data() + from, count, job.colour[c] + plate);
  take_floats(job.disparity + seen, take, count, job.depth + plate);
}

void remember(ConstImage image, ConstMap disparity, Array<const std::int32_t, 1> where,
              float tolerance, int age_limit, Image colour, Map depth, Bytes age, Bytes steady,
              memory::ConstTiles mismatch, Array<std::int32_t, 2> new_mismatch) {
  const int height = static_cast<int>(disparity.shape(0));
  const int width = static_cast<int>(disparity.shape(1));
  const int across = static_cast<int>(mismatch.shape(1));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  const std::int32_t* at = where.data();
  const Job job{width,
                height,
                at[0],
                at[1],
                at[2],
                at[3],
                at[4] != 0,
                at[5],
                memory::kSame * tolerance,
                age_limit,
                {image.data(), image.data() + area, image.data() + 2 * area},
                disparity.data(),
                {colour.data(), colour.data() + area, colour.data() + 2 * area},
                depth.data(),
                age.data(),
                steady.data()};
  parallel_rows(static_cast<int>(mismatch.shape(0)), [&](int first, int last) {
    Scratch scratch(width);
    for (int tile_row = first; tile_row < last; ++tile_row) {
      std::int32_t* tiles = new_mismatch.data() + static_cast<std::size_t>(tile_row) * across;
      std::fill_n(tiles, across, 0);
      memory::find_lost(mismatch, tile_row, width, scratch.lost.data());
      for (int y = tile_row * kTile; y < std::min((tile_row + 1) * kTile, height); ++y) {
        look_at_row(job, y, scratch);
        const std::size_t row = static_cast<std::size_t>((y + job.origin_y) % height) * width;
        const int straight = width - job.origin_x;
        update_piece(job, y, 0, row + job.origin_x, straight, scratch);
        if (job.origin_x > 0) update_piece(job, y, straight, row, job.origin_x, scratch);
        add_to_tiles(scratch.worse.data(), scratch.alike.data(), width, tiles);
      }
    }
  });
}

}  // namespace

void bind_remember(nb::module_& module) {
  module.def("remember", &remember, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
