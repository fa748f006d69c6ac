// The geometry of one source segment, shared by every native form of the forward warp.
//
// A segment lies between two neighbouring source pixels. Its ends land at `begin` and `end` (target
// columns, half-open); along it disparity and source column change linearly.
#pragma once

#include <cmath>
#include <limits>

namespace stereocast::warp {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

struct Segment {
  float begin, end;
  float disparity, change;  // at `begin`, and from there to `end`
  float column, step;       // likewise for the source column

  float share(float target) const { return (target - begin) / (end - begin); }
};

// What has landed in one row of the target view so far.
struct Row {
  float* disparity;  // kNothing where nothing landed
  float* column;     // source column of the winner
  int width;

  // The nearest wins; of equals the larger source column, so the drawing order does not matter.
  void land(int target, float candidate, float source) {
    if (candidate > disparity[target] ||
        (candidate == disparity[target] && source > column[target])) {
      disparity[target] = candidate;
      column[target] = source;
    }
  }

  void draw(const Segment& segment) {
    for (float target = std::ceil(segment.begin); target < segment.end; target += 1.0f) {
      if (target < 0.0f) continue;
      if (!(target < static_cast<float>(width))) return;
      const float share = segment.share(target);
      land(static_cast<int>(target), segment.disparity + share * segment.change,
           segment.column + share * segment.step);
    }
  }
};

}  // namespace stereocast::warp
