// The holes of a row as runs, for the fills on the CPU.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "fill/math.h"

namespace stereocast::fill {

// Returns the first column in [begin, width) whose mask equals `value`, or width.
inline int find(const std::uint8_t* mask, int begin, int width, std::uint8_t value) {
  const void* found = std::memchr(mask + begin, value, static_cast<std::size_t>(width - begin));
  return found ? static_cast<int>(static_cast<const std::uint8_t*>(found) - mask) : width;
}

// Calls body(begin, end) for every run of set columns.
template <typename Body>
void for_each_span(const std::uint8_t* mask, int width, const Body& body) {
  for (int begin = find(mask, 0, width, 1); begin < width;) {
    const int end = find(mask, begin, width, 0);
    body(begin, end);
    begin = end < width ? find(mask, end, width, 1) : width;
  }
}

// Calls body(run) for every run of holes.
template <typename Body>
void for_each_run(const std::uint8_t* mask, const float* disparity, int width, const Body& body) {
  for_each_span(mask, width, [&](int begin, int end) {
    Run run{begin, end, 0.0f, 0.0f, begin > 0, end < width};
    if (run.has_left) run.left = disparity[begin - 1];
    if (run.has_right) run.right = disparity[end];
    body(run);
  });
}

// Writes level 1 into a run of one channel.
template <typename T>
void fill_run(const Run& run, int narrow, T* row) {
  const Source source = source_of(run, narrow);
  const T left = run.has_left ? row[run.begin - 1] : T{};
  const T right = run.has_right ? row[run.end] : T{};
  if (source == kNobody) return;
  if (source != kBoth) {
    std::fill(row + run.begin, row + run.end, source == kLeft ? left : right);
    return;
  }
  const int gap = run.end - run.begin + 1;
  for (int x = run.begin; x < run.end; ++x) {
    row[x] = mix(left, right, x - run.begin + 1, gap);
  }
}

}  // namespace stereocast::fill
