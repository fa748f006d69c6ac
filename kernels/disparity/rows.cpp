// The row operations behind silhouettes on the CPU. Which rows meet when is decided in cpu.cpp.
#include "disparity/rows.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "disparity/math.h"
#include "tensors.h"

namespace stereocast::disparity {
namespace {

static_assert(2 * kTaps + 1 == 5, "Electorate has five rows");
static_assert(kTaps * (kMaxReach / 2) <= kMargin);
// Votes are summed in 16 bits.
static_assert((2 * kTaps + 1) * (2 * kTaps + 1) * kAlike * kLevels < 32768);

// The conditional, unlike std::max, is what the compiler turns into one vector instruction.
float larger(float a, float b) { return a > b ? a : b; }
float smaller(float a, float b) { return a < b ? a : b; }

STEREOCAST_MULTIVERSION
void widen_nearest(const float* __restrict in, int by, int count, float* __restrict out) {
  for (int x = 0; x < count; ++x) out[x] = larger(in[x], in[x + by]);
}

STEREOCAST_MULTIVERSION
void widen_farthest(const float* __restrict in, int by, int count, float* __restrict out) {
  for (int x = 0; x < count; ++x) out[x] = smaller(in[x], in[x + by]);
}

// Windows of 1, 2, 4, … values from every pixel on, and at last two overlapping ones.
template <typename Widen>
void running(const float* row, int reach, int width, float* scratch, float* other, float* out,
             Widen widen) {
  const int window = 2 * reach + 1;
  const float* now = row - reach;
  int reached = 1, valid = width + 2 * reach;
  for (; 2 * reached <= window; reached *= 2) {
    valid -= reached;
    widen(now, reached, valid, scratch);
    now = scratch;
    std::swap(scratch, other);
  }
  widen(now, window - reached, width, out);
}

STEREOCAST_MULTIVERSION
void extremes_of_three(const float* __restrict near1, const float* __restrict near2,
                       const float* __restrict far1, const float* __restrict far2, int width,
                       float* __restrict nearest, float* __restrict farthest) {
  for (int x = 0; x < width; ++x) {
    nearest[x] = larger(nearest[x], larger(near1[x], near2[x]));
    farthest[x] = smaller(farthest[x], smaller(far1[x], far2[x]));
  }
}

STEREOCAST_MULTIVERSION
void mix_rows(const float* __restrict top, const float* __restrict bottom, float share, int cells,
              float* __restrict mixed) {
  for (int x = 0; x < cells; ++x) mixed[x] = top[x] + share * (bottom[x] - top[x]);
}

STEREOCAST_MULTIVERSION
void spread_row(const float* __restrict mixed, const std::int32_t* __restrict left,
                const float* __restrict across, int width, float* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const float from = mixed[left[x]];
    out[x] = from + across[x] * (mixed[left[x] + 1] - from);
  }
}

// One tap: levels weighted by likeness of colour, for a whole block.
inline void add_votes(const std::int16_t (&own)[3][kBlock], const std::uint8_t* const other[3],
                      const std::int8_t* levels, int at, std::int16_t* sums) {
  const std::uint8_t* const red = other[0] + at;
  const std::uint8_t* const green = other[1] + at;
  const std::uint8_t* const blue = other[2] + at;
  for (int i = 0; i < kBlock; ++i) {
    const auto r = static_cast<std::int16_t>(std::abs(own[0][i] - red[i]));
    const auto g = static_cast<std::int16_t>(std::abs(own[1][i] - green[i]));
    const auto b = static_cast<std::int16_t>(std::abs(own[2][i] - blue[i]));
    const auto alike = static_cast<std::int16_t>(kAlike - r - g - b);
    const auto weight = static_cast<std::int16_t>(alike > 0 ? alike : 0);
    sums[i] = static_cast<std::int16_t>(sums[i] + weight * levels[at + i]);
  }
}

}  // namespace

void upsample_row(const float* top, const float* bottom, float share, int cells,
                  const std::int32_t* left, const float* across, int width, float* mixed,
                  float* out) {
  mix_rows(top, bottom, share, cells, mixed);
  mixed[cells] = mixed[cells - 1];
  spread_row(mixed, left, across, width, out);
}

void row_extremes(const float* row, int reach, int width, float* scratch, float* other,
                  float* nearest, float* farthest) {
  running(row, reach, width, scratch, other, nearest, widen_nearest);
  running(row, reach, width, scratch, other, farthest, widen_farthest);
}

void column_extremes(const float* const* nearest_rows, const float* const* farthest_rows, int count,
                     int width, float* nearest, float* farthest) {
  std::copy_n(nearest_rows[0], width, nearest);
  std::copy_n(farthest_rows[0], width, farthest);
  for (int k = 1; k < count; k += 2) {
    const int next = std::min(k + 1, count - 1);
    extremes_of_three(nearest_rows[k], nearest_rows[next], farthest_rows[k], farthest_rows[next],
                      width, nearest, farthest);
  }
}

STEREOCAST_MULTIVERSION
void row_levels(const float* __restrict row, const float* __restrict nearest,
                const float* __restrict farthest, float step, int width,
                std::int8_t* __restrict levels, std::uint8_t* __restrict doubt) {
  for (int x = 0; x < width; ++x) {
    const bool ramp = nearest[x] - farthest[x] > step;
    const int own = level(row[x], nearest[x], farthest[x], step);
    levels[x] = static_cast<std::int8_t>(own);
    doubt[x] = static_cast<std::uint8_t>(ramp & (own > -kCertain) & (own < kCertain));
  }
}

STEREOCAST_MULTIVERSION
void vote(const Electorate& rows, int begin, int stride, const std::uint8_t* doubt,
          std::uint8_t* near) {
  alignas(64) std::int16_t own[3][kBlock], sums[kBlock] = {};
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < kBlock; ++i) own[c][i] = rows.colours[kTaps][c][begin + i];
  }
  for (int down = 0; down <= 2 * kTaps; ++down) {
    for (int across = -kTaps; across <= kTaps; ++across) {
      add_votes(own, rows.colours[down], rows.levels[down], begin + across * stride, sums);
    }
  }
  for (int i = 0; i < kBlock; ++i) {
    const auto voted = static_cast<std::uint8_t>(sums[i] >= 0);
    near[i] = doubt[i] ? voted : near[i];
  }
}

STEREOCAST_MULTIVERSION
void row_near(const float* __restrict nearest, const float* __restrict farthest,
              const std::int8_t* __restrict levels, float step, int width,
              std::uint8_t* __restrict near) {
  for (int x = 0; x < width; ++x) {
    near[x] = static_cast<std::uint8_t>((nearest[x] - farthest[x] > step) & (levels[x] >= 0));
  }
}

STEREOCAST_MULTIVERSION
void row_majority(const std::uint8_t* __restrict above, const std::uint8_t* __restrict own,
                  const std::uint8_t* __restrict below, int width, std::uint8_t* __restrict near) {
  for (int x = 0; x < width; ++x)
    near[x] = (own[x] & (above[x] | below[x])) | (above[x] & below[x]);
}

STEREOCAST_MULTIVERSION
void finish_row(const float* __restrict row, const float* __restrict nearest,
                const float* __restrict farthest, const std::uint8_t* __restrict near, float step,
                int widening, int width, float* __restrict sides, float* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const bool ramp = nearest[x] - farthest[x] > step;
    sides[x] = (near[x] != 0) & ramp ? nearest[x] : kNoSide;
  }
  for (int x = 0; x < width; ++x) {
    float side = sides[x];
    for (int k = 1; k <= widening; ++k) side = larger(side, larger(sides[x - k], sides[x + k]));
    side = side > kNoSide ? side : farthest[x];
    out[x] = nearest[x] - farthest[x] > step ? side : row[x];
  }
}

}  // namespace stereocast::disparity
