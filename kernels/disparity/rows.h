// The row operations behind silhouettes on the CPU, each a loop that vectorises.
#pragma once

#include <cstdint>
#include <limits>

namespace stereocast::disparity {

constexpr int kBlock = 32;  // pixels that vote together
constexpr float kNoSide = -std::numeric_limits<float>::infinity();
constexpr int kMargin = 32;    // pixels beside a padded row: the farthest tap, and a block more
constexpr int kMaxReach = 16;  // taps reach twice half of this, windows all of it

// Row `out` of a map whose grid has rows `top` and `bottom`; `mixed` has room for cells + 1.
void upsample_row(const float* top, const float* bottom, float share, int cells,
                  const std::int32_t* left, const float* across, int width, float* mixed,
                  float* out);

// Extremes of the 2 * reach + 1 values around every pixel; `row` goes on by `reach` on either side.
// Each scratch has room for width + 2 * kMaxReach values.
void row_extremes(const float* row, int reach, int width, float* scratch, float* other,
                  float* nearest, float* farthest);

// Extremes of `count` rows, column by column.
void column_extremes(const float* const* nearest_rows, const float* const* farthest_rows, int count,
                     int width, float* nearest, float* farthest);

// Levels of a row. doubt: 1 on a ramp where the picture is asked, else 0.
void row_levels(const float* row, const float* nearest, const float* farthest, float step,
                int width, std::int8_t* levels, std::uint8_t* doubt);

// The rows around one that have a say in it: pictures (three channels each) and levels, padded by
// kMargin.
struct Electorate {
  const std::uint8_t* colours[5][3];
  const std::int8_t* levels[5];
};

// Sets near[0..kBlock) where doubt is 1: 1 if the votes around pixel `begin` + i are not below 0.
void vote(const Electorate& rows, int begin, int stride, const std::uint8_t* doubt,
          std::uint8_t* near);

// What most of three rows say. A row alone would tear a comb into an edge.
void row_majority(const std::uint8_t* above, const std::uint8_t* own, const std::uint8_t* below,
                  int width, std::uint8_t* near);

// near[x] = 1 on a ramp whose level is at least 0.
void row_near(const float* nearest, const float* farthest, const std::int8_t* levels, float step,
              int width, std::uint8_t* near);

// The finished row. `sides` is scratch; it has to go on by kMargin times kNoSide on either side.
void finish_row(const float* row, const float* nearest, const float* farthest,
                const std::uint8_t* near, float step, int widening, int width, float* sides,
                float* out);

}  // namespace stereocast::disparity
