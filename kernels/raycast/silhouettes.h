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
inline double side_coverage(const Side& side, double x, double y) {
  return unit(0.5 + side.distance.at(x, y));
}

inline double alpha_coverage(const Shape& shape, int log2_side, int x, int y) {
  float s, t, rho2;
  Taps taps{};
  Colours colours;
  const Sampler sampler{shape.texels, log2_side};
  plane_texels(plane_row(shape.plane, y), x, 1, &s, &t, &rho2);
  aim(sampler, &s, &t, &rho2, 1, taps);
  fetch(sampler, taps, 8, colours);
  // A magnified mask is a wide ramp: steepen it to one pixel.
  const double texel_px = std::max(1.0, 1.0 / std::sqrt(rho2 + 1e-12));
  return unit(0.5 + ((colours.green_alpha[0] >> 16) / 65280.0 - 0.5) * texel_px);
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
    share *= unit(side_coverage(sides[i], x, y) + side_coverage(sides[i + 1], x, y) - 1.0);
  }
  if (shape.kind == Kind::kCard && share > 0) share *= alpha_coverage(shape, log2_side, x, y);
  return share;
}

// Appends the colour of pixel (x, y), which has a neighbour with another id, if it is a mixture.
inline void mix(const Picture& picture, const std::vector<Shape>& shapes, int log2_side, int x,
                int y, std::vector<Mixed>& changes) {
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
  // The edge is the outline of the nearer surface, or, where that is whole, of the farther one.
  const bool own_is_nearer = picture.depth[here] <= picture.depth[there];
  double share = share_of(own_is_nearer ? here : there);
  const bool by_own = own_is_nearer == (share < 1.0);
  if (share >= 1.0) share = share_of(own_is_nearer ? there : here);
  // The centre has decided who has at least half. Another outline that encloses it anyway is not
  // this edge: there the surfaces intersect.
  const double own_share = std::max(share, by_own ? 0.5 : 1.0 - share);
  if (own_share > 1.0 - 1.0 / 512) return;  // no channel would change
  Mixed mixed{x, {}};
  for (int channel = 0; channel < 3; ++channel) {
    const std::uint8_t* plane =
        picture.rgb + std::int64_t(channel) * picture.height * picture.width;
    mixed.rgb[channel] =
        static_cast<std::uint8_t>(own_share * plane[here] + (1.0 - own_share) * plane[there] + 0.5);
  }
  changes.push_back(mixed);
}

}  // namespace stereocast::raycast
