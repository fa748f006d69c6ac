// Smooth silhouettes: a pixel on an edge mixes the colours on both sides by analytic coverage.
//
// Colours only: depth and ids stay those of the pixel's centre.
#pragma once

#include <cstring>

#include "shading.h"

namespace stereocast::raycast {

struct Picture {
  int height, width;
  std::uint8_t* rgb;
  float* depth;
  std::int32_t* ids;
};

struct Mixed {
  int x;
  std::uint8_t rgb[3];
};

inline double unit(double x) { return std::clamp(x, 0.0, 1.0); }

// Share of the pixel inside the side: its distance from the line, in pixels, around one half.
inline double side_coverage(const Linear& inside, double x, double y) {
  return unit(0.5 + inside.at(x, y) / std::hypot(inside.x, inside.y));
}

inline double alpha_coverage(const Shape& shape, int log2_side, int x, int y) {
  alignas(64) float s[kBlock], t[kBlock], rho2[kBlock];
  alignas(64) std::uint32_t red_blue[kBlock], green_alpha[kBlock];
  Taps taps;
  const Sampler sampler{shape.texels, log2_side};
  plane_texels(plane_row(shape.plane, y), x, s, t, rho2);
  aim(sampler, s, t, rho2, taps);
  fetch(sampler, taps, red_blue, green_alpha);
  // A magnified mask is a wide ramp: steepen it to one pixel.
  const double texel_px = std::max(1.0, 1.0 / std::sqrt(rho2[0] / kSharper + 1e-12));
  return unit(0.5 + (green_alpha[0] / 16777216.0 / 255.0 - 0.5) * texel_px);
}

// How much of the pixel the primitive's own outline encloses, others not considered.
inline double coverage(const Shape& shape, int log2_side, int x, int y) {
  if (shape.kind == Kind::kSphere) {
    const Ball& ball = shape.ball;
    const double b = ball.b.at(x, y), rx = ball.ray_x.at(x, y), ry = ball.ray_y.at(x, y);
    const double value = b * b - ball.k * (rx * rx + ry * ry + 1.0);
    const double dx = 2 * (b * ball.b.x - ball.k * rx * ball.ray_x.x);
    const double dy = 2 * (b * ball.b.y - ball.k * ry * ball.ray_y.y);
    return unit(0.5 + value / std::max(std::hypot(dx, dy), 1e-30));
  }
  const Side* sides = shape.plane.sides;
  double share = 1.0;
  for (int i = 0; i < 4; i += 2) {
    share *= unit(side_coverage(sides[i].inside, x, y) +
                  side_coverage(sides[i + 1].inside, x, y) - 1.0);
  }
  if (shape.kind == Kind::kCard && share > 0) share *= alpha_coverage(shape, log2_side, x, y);
  return share;
}

// The colour of pixel (x, y), which has a neighbour with another id.
inline Mixed mix(const Picture& picture, const std::vector<Shape>& shapes, int log2_side, int x,
                 int y) {
  const std::int64_t here = std::int64_t(y) * picture.width + x;
  const std::int32_t own = picture.ids[here];
  std::int64_t there = here;
  float contrast = -1.0f;
  const auto consider = [&](bool exists, std::int64_t neighbour) {
    if (!exists || picture.ids[neighbour] == own) return;
    const float gap = std::fabs(1.0f / picture.depth[neighbour] - 1.0f / picture.depth[here]);
    if (gap > contrast) contrast = gap, there = neighbour;
  };
  consider(x > 0, here - 1);
  consider(x + 1 < picture.width, here + 1);
  consider(y > 0, here - picture.width);
  consider(y + 1 < picture.height, here + picture.width);

  const auto share_of = [&](std::int64_t pixel) {
    const std::int32_t id = picture.ids[pixel];
    return id < 0 ? 1.0 : coverage(shapes[id], log2_side, x, y);
  };
  const double own_cover = share_of(here), other_cover = share_of(there);
  // The centre has decided which side has at least half.
  const double by_own = std::max(own_cover, 0.5), by_other = 1.0 - std::min(other_cover, 0.5);
  // The edge is the outline of the nearer surface, or, where that is whole, of the farther one.
  const bool own_is_nearer = picture.depth[here] <= picture.depth[there];
  const double own_share = own_is_nearer ? (own_cover >= 1.0 ? by_other : by_own)
                                         : (other_cover >= 1.0 ? by_own : by_other);
  Mixed mixed{x, {}};
  for (int channel = 0; channel < 3; ++channel) {
    const std::uint8_t* plane =
        picture.rgb + std::int64_t(channel) * picture.height * picture.width;
    mixed.rgb[channel] = static_cast<std::uint8_t>(
        own_share * plane[here] + (1.0 - own_share) * plane[there] + 0.5);
  }
  return mixed;
}

}  // namespace stereocast::raycast
