// Reading one source row at fractional columns, for the forward warp on the CPU.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensors.h"
#include "warp/math.h"

namespace stereocast::warp {

// Samples a row of a view.
//
// Bytes are read as packed pixels, so that one load fetches all three channels.
class Sampler {
 public:
  Sampler(int width, int view_width);

  // For every view pixel, to be set before `write`: the source column to read first, and the share
  // of its successor. At half width the column before it is read too. Holes read `black()`.
  std::int32_t* first() { return first_.data(); }
  float* share() { return share_.data(); }
  std::int32_t black() const { return width_ + 3; }

  // Takes a source row of three planes.
  void load(const std::uint8_t* source, std::size_t plane);
  void load(const float*, std::size_t) {}

  void write(const std::uint8_t* source, std::size_t plane, bool half_width, std::uint8_t* view,
             std::size_t view_plane);
  void write(const float* source, std::size_t plane, bool half_width, float* view,
             std::size_t view_plane);

 private:
  int width_, view_width_;
  std::vector<std::int32_t> first_;
  std::vector<float> share_;
  std::vector<std::uint32_t> packed_;  // the row, its last pixel twice more, and black ones
  std::vector<std::uint32_t> pixel_[3];
};

// Writes the view of an eye that is the source itself: the row, or the means of its pairs.
void copy_row(const std::uint8_t* source, std::size_t plane, int width, bool half_width,
              std::uint8_t* view, std::size_t view_plane);
void copy_row(const float* source, std::size_t plane, int width, bool half_width, float* view,
              std::size_t view_plane);

}  // namespace stereocast::warp
