// What the background memory decides at one pixel, shared by the CPU and the CUDA kernels.
#pragma once

#include "portable.h"

namespace stereocast::memory {

constexpr int kNothing = 255;       // the age of a pixel that remembers nothing
constexpr int kTile = 16;           // a tile is 16×16 pixels
constexpr int kGuard = 4;           // nearer surfaces this close may have bled into a pixel
constexpr float kGuardStep = 2.0f;  // how much nearer they must be, in pixels of disparity
constexpr int kNoise = 3;           // grey levels by which a resting surface may flicker
constexpr int kSteady = 3;          // frames that a surface has to rest before it is recalled
constexpr float kSame = 2.0f;       // tolerances within which it is the same surface still
constexpr float kSlant = 0.2f;      // how much a surface may slope, disparity per column
constexpr int kRounds = 3;          // of looking up the disparity where the last one pointed

STEREOCAST_BOTH int grey(int red, int green, int blue) { return (red + 2 * green + blue + 2) >> 2; }

STEREOCAST_BOTH int absolute(int value) { return value < 0 ? -value : value; }

// How much worse a pixel matches what is remembered than noise and a shift of half a pixel plus
// `slack` sixteenths explain, in 32nds of a grey level; slack is at most 32.
STEREOCAST_BOTH int mismatch(int change, int detail, int slack) {
  return 32 * (change - kNoise) - (16 + 2 * slack) * detail;
}

constexpr int kSettled = 11;  // sixteenths of a fill that come from the frame before
constexpr int kUnlike = 192;  // sum of three channels' differences from which it is another fill

STEREOCAST_BOTH int settled(int before, int now) {
  return (kSettled * before + (16 - kSettled) * now + 8) >> 4;
}

}  // namespace stereocast::memory
