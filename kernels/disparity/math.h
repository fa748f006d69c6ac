// What silhouettes are made of, per pixel, shared by every native form. reference.py is the
// definition and holds the same constants.
#pragma once

#include "portable.h"

namespace stereocast::disparity {

constexpr float kHard = 1.6f;          // px: narrower ramps are as sharp as a picture's edges
constexpr int kLevels = 16;            // a pixel's place on its ramp: -16 far, 16 near
constexpr int kCertain = 12;           // from this level on the picture is not asked
constexpr int kAlike = 60;             // colours this different have no say in each other's place
constexpr int kTaps = 2;               // places on either side at which the picture is asked
constexpr float kMeasuredStep = 3.0f;  // px: lower silhouettes are not measured
constexpr float kLevelledOut = 0.6f;   // share of the window that a silhouette's slope may fill
constexpr int kFewest = 4;             // fewer silhouettes say nothing

// How far windows reach in pixels, 0 where silhouettes are sharp already.
STEREOCAST_BOTH int reach_px(float softness, float scale, float share, int limit) {
  const float cells = softness > 1.0f ? softness : 1.0f;
  const float ramp = cells * scale;
  if (ramp < kHard) return 0;
  const float reach = floorf(share * ramp + 0.5f);
  return reach < static_cast<float>(limit) ? static_cast<int>(reach) : limit;
}

// How far apart the places are at which the picture is asked, and how far near things are widened.
STEREOCAST_BOTH int tap_stride(int reach) { return reach > 3 ? reach / 2 : 1; }
STEREOCAST_BOTH int widening(int reach) { return (reach + 10) / 12; }

// Where the centre of a pixel lies, in cells; its cell is the integer part.
STEREOCAST_BOTH float place(int pixel, float scale, int cells) {
  const float at = (static_cast<float>(pixel) + 0.5f) * scale - 0.5f;
  const float last = static_cast<float>(cells - 1);
  return at < 0.0f ? 0.0f : (at > last ? last : at);
}

// A pixel's level between both surfaces, 0 where there is no ramp. No branch: it vectorises.
STEREOCAST_BOTH int level(float value, float nearest, float farthest, float step) {
  const float span = nearest - farthest;
  const bool ramp = span > step;
  const float share = (value - farthest) / (ramp ? span : 1.0f);
  const int place = static_cast<int>(share * (2.0f * kLevels)) - kLevels;
  return ramp ? place : 0;
}

// The width of the ramp in a window, or infinity where it is not centred on a silhouette.
// slope: the steepest in the window; own_slope: in the block in its middle.
STEREOCAST_BOTH float ramp_width(float nearest, float farthest, float slope, float own_slope,
                                 int block, float infinity) {
  const float height = nearest - farthest;
  const float width = height / (slope > 1e-30f ? slope : 1e-30f);
  const float widest = kLevelledOut * 3.0f * static_cast<float>(block);
  const bool silhouette = own_slope >= slope && height > kMeasuredStep && width < widest;
  return silhouette ? width : infinity;
}

}  // namespace stereocast::disparity
