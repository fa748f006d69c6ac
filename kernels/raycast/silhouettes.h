// Smooth silhouettes: a pixel on an edge mixes the colours on both sides by analytic coverage.
//
// Colours only: depth and ids stay those of the pixel's centre.
#pragma once

#include <cstring>

#include "shading.h"

namespace stereocast::raycast {

// Colours of the whole picture; of what was seen only the rows that mixing still needs.
struct Picture {
  int height, width;
  std::uint8_t* rgb;
  std::vector<const float*> iz;
  std::vector<const std::int32_t*> ids;
};

struct Pixel {
  int x, y;
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
  if (shape.kind == Kind::kEllipsoid) {
    const Ball& ball = shape.ball;
    const double value = ellipsoid_value(ball, x, y), b = ball.b.at(x, y);
    double dx = b * ball.b.x, dy = b * ball.b.y;
    for (const Linear& axis : ball.axis) {
      dx -= ball.k * axis.at(x, y) * axis.x;
      dy -= ball.k * axis.at(x, y) * axis.y;
    }
    return unit(0.5 + value / std::max(2 * std::hypot(dx, dy), 1e-30));
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
  const Pixel here{x, y};
  Pixel there = here;
  const std::int32_t own = picture.ids[y][x];
  float contrast = -1.0f;
  const auto consider = [&](bool exists, Pixel pixel) {
    if (!exists || picture.ids[pixel.y][pixel.x] == own) return;
    const float gap = std::fabs(picture.iz[pixel.y][pixel.x] - picture.iz[y][x]);
    if (gap > contrast) contrast = gap, there = pixel;
  };
  consider(x > 0, {x - 1, y});
  consider(x + 1 < picture.width, {x + 1, y});
  consider(y > 0, {x, y - 1});
  consider(y + 1 < picture.height, {x, y + 1});

  const auto share_of = [&](Pixel pixel) {
    const std::int32_t id = picture.ids[pixel.y][pixel.x];
    return id < 0 ? 1.0 : coverage(shapes[id], log2_side, x, y);
  };
  // The edge is the outline of the nearer surface, or, where that is whole, of the farther one.
  const bool own_is_nearer = picture.iz[y][x] >= picture.iz[there.y][there.x];
  double share = share_of(own_is_nearer ? here : there);
  const bool by_own = own_is_nearer == (share < 1.0);
  if (share >= 1.0) share = share_of(own_is_nearer ? there : here);
  // The centre has decided who has at least half. Another outline that encloses it anyway is not
  // this edge: there the surfaces intersect.
  const double own_share = std::max(share, by_own ? 0.5 : 1.0 - share);
  if (own_share > 1.0 - 1.0 / 512) return;  // no channel would change
  Mixed mixed{x, {}};
  const std::int64_t size = std::int64_t(picture.height) * picture.width;
  const std::uint8_t* mine = picture.rgb + std::int64_t(y) * picture.width + x;
  const std::uint8_t* other = picture.rgb + std::int64_t(there.y) * picture.width + there.x;
  for (int channel = 0; channel < 3; ++channel) {
    mixed.rgb[channel] = static_cast<std::uint8_t>(own_share * mine[channel * size] +
                                                   (1.0 - own_share) * other[channel * size] + 0.5);
  }
  changes.push_back(mixed);
}

}  // namespace stereocast::raycast
