#include "warp/sample.h"

namespace stereocast::warp {
namespace {

STEREOCAST_MULTIVERSION
void pack_pixels(const std::uint8_t* __restrict red, const std::uint8_t* __restrict green,
                 const std::uint8_t* __restrict blue, int width, std::uint32_t* __restrict packed) {
  for (int x = 0; x < width; ++x) {
    packed[x] = red[x] | static_cast<std::uint32_t>(green[x]) << 8 |
                static_cast<std::uint32_t>(blue[x]) << 16;
  }
}

// Scalar on purpose: the vector gathers of x86-64 are slower than two plain loads.
void gather(const std::uint32_t* __restrict packed, const std::int32_t* __restrict column,
            int width, std::uint32_t* __restrict pixel) {
  for (int x = 0; x < width; ++x) pixel[x] = packed[column[x]];
}

[[gnu::always_inline]] inline float channel_of(std::uint32_t pixel, int shift) {
  return static_cast<float>(static_cast<std::int32_t>(pixel >> shift & 0xFFu));
}

STEREOCAST_MULTIVERSION
void blend_channel(const std::uint32_t* __restrict first, const std::uint32_t* __restrict second,
                   const float* __restrict share, int shift, int width,
                   std::uint8_t* __restrict channel) {
  for (int x = 0; x < width; ++x) {
    const float value =
        sample(channel_of(first[x], shift), channel_of(second[x], shift), share[x]) + 0.5f;
    channel[x] = static_cast<std::uint8_t>(static_cast<std::int32_t>(value));
  }
}

STEREOCAST_MULTIVERSION
void blend_pairs(const std::uint32_t* __restrict first, const std::uint32_t* __restrict second,
                 const std::uint32_t* __restrict third, const float* __restrict share, int shift,
                 int width, std::uint8_t* __restrict channel) {
  for (int x = 0; x < width; ++x) {
    const float value = sample_pair(channel_of(first[x], shift), channel_of(second[x], shift),
                                    channel_of(third[x], shift), share[x]) +
                        0.5f;
    channel[x] = static_cast<std::uint8_t>(static_cast<std::int32_t>(value));
  }
}

// A column of a float row, continued at both ends; black ones lie far outside.
float pixel_at(const float* row, int column, int width, int black) {
  return column >= black - 1 ? 0.0f : row[std::clamp(column, 0, width - 1)];
}

template <typename T>
void copy_plane(const T* source, int width, bool half_width, T* view) {
  if (!half_width) {
    std::memcpy(view, source, sizeof(T) * static_cast<std::size_t>(width));
    return;
  }
  for (int x = 0; x < width; x += 2) {
    const T first = source[x], second = source[std::min(x + 1, width - 1)];
    if constexpr (sizeof(T) == 1) {
      view[x / 2] = static_cast<T>((first + second + 1) >> 1);
    } else {
      view[x / 2] = 0.5f * (first + second);
    }
  }
}

}  // namespace

// The black pixels are three, so that the neighbours that are read with one are black as well.
Sampler::Sampler(int width, int view_width)
    : width_(width),
      view_width_(view_width),
      first_(view_width),
      share_(view_width),
      packed_(width + 6),
      pixel_{std::vector<std::uint32_t>(view_width), std::vector<std::uint32_t>(view_width),
             std::vector<std::uint32_t>(view_width)} {}

void Sampler::load(const std::uint8_t* source, std::size_t plane) {
  std::uint32_t* row = packed_.data() + 1;
  pack_pixels(source, source + plane, source + 2 * plane, width_, row);
  row[-1] = row[0];
  row[width_] = row[width_ + 1] = row[width_ - 1];
}

void Sampler::write(const std::uint8_t*, std::size_t, bool half_width, std::uint8_t* view,
                    std::size_t view_plane) {
  const std::uint32_t* row = packed_.data() + 1 - (half_width ? 1 : 0);
  std::uint32_t* pixel[3] = {pixel_[0].data(), pixel_[1].data(), pixel_[2].data()};
  for (int n = 0; n < (half_width ? 3 : 2); ++n) {
    gather(row + n, first_.data(), view_width_, pixel[n]);
  }
  for (int c = 0; c < 3; ++c) {
    std::uint8_t* channel = view + c * view_plane;
    if (half_width) {
      blend_pairs(pixel[0], pixel[1], pixel[2], share_.data(), 8 * c, view_width_, channel);
    } else {
      blend_channel(pixel[0], pixel[1], share_.data(), 8 * c, view_width_, channel);
    }
  }
}

void Sampler::write(const float* source, std::size_t plane, bool half_width, float* view,
                    std::size_t view_plane) {
  for (int c = 0; c < 3; ++c) {
    const float* row = source + c * plane;
    for (int x = 0; x < view_width_; ++x) {
      const auto at = [&](int step) { return pixel_at(row, first_[x] + step, width_, black()); };
      view[c * view_plane + x] = half_width ? sample_pair(at(-1), at(0), at(1), share_[x])
                                            : sample(at(0), at(1), share_[x]);
    }
  }
}

void copy_row(const std::uint8_t* source, std::size_t plane, int width, bool half_width,
              std::uint8_t* view, std::size_t view_plane) {
  for (int c = 0; c < 3; ++c) {
    copy_plane(source + c * plane, width, half_width, view + c * view_plane);
  }
}

void copy_row(const float* source, std::size_t plane, int width, bool half_width, float* view,
              std::size_t view_plane) {
  for (int c = 0; c < 3; ++c) {
    copy_plane(source + c * plane, width, half_width, view + c * view_plane);
  }
}

}  // namespace stereocast::warp
