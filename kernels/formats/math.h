// What a pixel of a display format is: shared by the native and the CUDA form of `formats`.
//
// Whole numbers as far as possible, so that every form agrees bit for bit.
#pragma once

#include "portable.h"

namespace stereocast {
namespace formats {

constexpr int kShares = 1000;    // a matrix of the literature has three decimals
constexpr int kEncodeBits = 14;  // the encoding table has one entry more than 2 to this power
constexpr int kEncodeSize = (1 << kEncodeBits) + 1;
constexpr int kPowerSteps = 16384;  // likewise the table of wimmer2's red

STEREOCAST_BOTH int clamped(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

struct Colour {
  int red, green, blue;
};

// One row of a 3 x 6 matrix in thousandths: left red, green, blue, right red, green, blue.
STEREOCAST_BOTH int weigh(const int* row, Colour eye) {
  return row[0] * eye.red + row[1] * eye.green + row[2] * eye.blue;
}

// A matrix on coded values 0..255.
STEREOCAST_BOTH int mix_coded(const int* row, Colour left, Colour right) {
  const int sum = weigh(row, left) + weigh(row + 3, right);
  return clamped((sum + kShares / 2) / kShares, 0, 255);
}

// A matrix on linear light 0..2^14; returns an index into the encoding table.
STEREOCAST_BOTH int mix_linear(const int* row, Colour left, Colour right, bool clip_each_eye) {
  constexpr int kFull = kShares << kEncodeBits;
  int first = weigh(row, left), second = weigh(row + 3, right);
  if (clip_each_eye) {
    first = clamped(first, 0, kFull);
    second = clamped(second, 0, kFull);
  }
  return (clamped(first + second, 0, kFull) + kShares / 2) / kShares;
}

// Wimmer's second method lifts green and blue by what red has more; in hundredths of a code.
STEREOCAST_BOTH int lifted_green(Colour eye) {
  const int more = eye.red - eye.green;
  return 100 * eye.green + 45 * (more > 0 ? more : 0);
}

STEREOCAST_BOTH int lifted_blue(Colour eye) {
  const int more = eye.red - eye.blue;
  return 100 * eye.blue + 25 * (more > 0 ? more : 0);
}

// Index into the power table.
STEREOCAST_BOTH int wimmer_red(Colour left) {
  const int sum = 75 * lifted_green(left) + 25 * lifted_blue(left);  // 0..2550000
  return static_cast<int>((static_cast<long long>(sum) * kPowerSteps + 1275000) / 2550000);
}

// Linear interpolation of two samples, then of two rows; the order of operations is the contract.
STEREOCAST_BOTH float between(float first, float second, float share) {
  return first + (second - first) * share;
}

STEREOCAST_BOTH int rounded(float value) { return static_cast<int>(value + 0.5f); }

// Where pixel `index` of an enlarged axis lies among `count` samples.
STEREOCAST_BOTH float axis_place(int index, float scale, int count) {
  const float place = (static_cast<float>(index) + 0.5f) * scale - 0.5f;
  return fminf(fmaxf(place, 0.0f), static_cast<float>(count - 1));
}

STEREOCAST_BOTH int shade_of(float nearness) {
  return rounded(fminf(fmaxf(nearness, 0.0f), 1.0f) * 255.0f);
}

STEREOCAST_BOTH bool lies_inside(float place, int count) {
  return place >= -0.5f && place < static_cast<float>(count) - 0.5f;
}

// The four pixels around a place inside the picture, as offsets into a plane.
struct Taps {
  int first_row, second_row, first, second;
  float across, down;
};

STEREOCAST_BOTH Taps taps_at(float x, float y, int width, int height) {
  const float left = floorf(x), top = floorf(y);
  const int column = static_cast<int>(left), row = static_cast<int>(top);
  return {clamped(row, 0, height - 1) * width,
          clamped(row + 1, 0, height - 1) * width,
          clamped(column, 0, width - 1),
          clamped(column + 1, 0, width - 1),
          x - left,
          y - top};
}

STEREOCAST_BOTH int sample(const unsigned char* plane, const Taps& taps) {
  const unsigned char* upper = plane + taps.first_row;
  const unsigned char* lower = plane + taps.second_row;
  return rounded(between(between(static_cast<float>(upper[taps.first]),
                                 static_cast<float>(upper[taps.second]), taps.across),
                         between(static_cast<float>(lower[taps.first]),
                                 static_cast<float>(lower[taps.second]), taps.across),
                         taps.down));
}

STEREOCAST_BOTH int difference_of(int left, int right) {
  const int apart = left > right ? left - right : right - left;
  return clamped(2 * apart, 0, 255);
}

}  // namespace formats
}  // namespace stereocast
