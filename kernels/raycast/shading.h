// The colour of what a row's pixels see: texture × (ambient + one point light), view-independent.
//
// Light falls off with 1/distance; rectangles darken towards their borders, and under the soft
// shadows that the scene lists. Runs of equal ids are shaded in whole blocks: what a block writes
// beyond its run is overwritten by the next run, so the row buffers are padded by a block.
#pragma once

#include <vector>

#include "visibility.h"

namespace stereocast::raycast {

constexpr float kCornerStrength = 0.45f;

struct Light {
  Vec3 position;
  float diffuse[3], ambient[3];
};

// A rounded rectangle on a receiving plane, in metres along its two edges.
struct Shadow {
  float s, t, cosine, sine, half_along, half_across, inverse_softness, strength;
  float reach;  // no pixel farther from (s, t) along either edge is touched
};

struct RowBuffers {
  float* iz;
  std::int32_t* ids;
  std::uint8_t* rgb[3];
};

// One channel of a block: the 8.8 number in the upper or lower half of `packed`, times the light.
template <bool kUpper>
STEREOCAST_INLINE void tint_channel(const std::uint32_t* packed, const float* shade,
                                    const float* lit, int count, float ambient, float diffuse,
                                    float glow, std::uint8_t* __restrict out) {
  const float least_gain = 256.0f * glow;
  ambient *= 256.0f;
  diffuse *= 256.0f;
  for (int i = 0; i < count; ++i) {
    const float gain = least(most(shade[i] * (ambient + diffuse * lit[i]), least_gain), 256.0f);
    const std::uint32_t fixed = static_cast<int>(gain + 0.5f);
    const std::uint32_t texel = kUpper ? packed[i] >> 16 : packed[i] & 0xFFFFu;
    out[i] = static_cast<std::uint8_t>((texel * fixed) >> 16);
  }
}

// The colour of a block from its taps and its light.
STEREOCAST_INLINE void tint(const Sampler& sampler, const Taps& taps, const float* shade,
                            const float* lit, int count, const Light& light, float glow, int x,
                            std::uint8_t* const* rgb) {
  Colours colours;
  fetch(sampler, taps, count, colours);
  const std::uint32_t *red_blue = colours.red_blue, *green_alpha = colours.green_alpha;
  const float *ambient = light.ambient, *diffuse = light.diffuse;
  tint_channel<false>(red_blue, shade, lit, count, ambient[0], diffuse[0], glow, rgb[0] + x);
  tint_channel<false>(green_alpha, shade, lit, count, ambient[1], diffuse[1], glow, rgb[1] + x);
  tint_channel<true>(red_blue, shade, lit, count, ambient[2], diffuse[2], glow, rgb[2] + x);
}

STEREOCAST_INLINE void cast_shadow(const Shadow& shadow, const float* p, const float* q, int count,
                                   float* shade) {
  for (int i = 0; i < count; ++i) {
    const float dp = p[i] - shadow.s, dq = q[i] - shadow.t;
    const float along = std::fabs(dp * shadow.cosine + dq * shadow.sine) - shadow.half_along;
    const float across = std::fabs(dq * shadow.cosine - dp * shadow.sine) - shadow.half_across;
    const float a = most(along, 0.0f) * shadow.inverse_softness;
    const float b = most(across, 0.0f) * shadow.inverse_softness;
    const float near = most(1.0f - (a * a + b * b), 0.0f);
    shade[i] = shade[i] * (1.0f - shadow.strength * (near * near));
  }
}

// Along a row both coordinates only rise or only fall, so a block's ends bound it.
STEREOCAST_INLINE bool touches(const Shadow& shadow, const float* p, const float* q, int count) {
  const float p0 = p[0] - shadow.s, p1 = p[count - 1] - shadow.s;
  const float q0 = q[0] - shadow.t, q1 = q[count - 1] - shadow.t;
  const float reach = shadow.reach;
  return least(p0, p1) <= reach && most(p0, p1) >= -reach && least(q0, q1) <= reach &&
         most(q0, q1) >= -reach;
}

STEREOCAST_INLINE void shade_plane(const Shape& shape, const Sampler& sampler, const Light& light,
                                   const std::vector<Shadow>& shadows, double y, Span run,
                                   const RowBuffers& out) {
  const Plane& plane = shape.plane;
  const PlaneRow row = plane_row(plane, y);
  for (int x = run.begin; x < run.end; x += kBlock) {
    const int count = filled_up(run.end - x);
    alignas(64) float s[kBlock], t[kBlock], rho2[kBlock], p[kBlock], q[kBlock];
    alignas(64) float shade[kBlock], lit[kBlock];
    Taps taps;
    plane_texels(row, x, count, s, t, rho2);
    aim(sampler, s, t, rho2, count, taps);
    for (int i = 0; i < count; ++i) {
      p[i] = s[i] * plane.metres_s;
      q[i] = t[i] * plane.metres_t;
      const float border = least(least(s[i], row.s_max - s[i]) * plane.metres_s,
                                 least(t[i], row.t_max - t[i]) * plane.metres_t);
      const float corner = most(1.0f - border * shape.inverse_corner, 0.0f);
      shade[i] = 1.0f - kCornerStrength * (corner * corner);
      const float dp = p[i] - plane.light_s, dq = q[i] - plane.light_t;
      lit[i] = plane.light_height / (dp * dp + dq * dq + plane.light_height2);
    }
    for (const Shadow& shadow : shadows) {
      if (touches(shadow, p, q, count)) cast_shadow(shadow, p, q, count, shade);
    }
    tint(sampler, taps, shade, lit, count, light, shape.glow, x, out.rgb);
  }
}

// The sphere's surface is unfolded onto the texture as an octahedron, poles at centre and corners.
struct Unfolded {
  float u, v;
};

STEREOCAST_INLINE Unfolded unfold(float nx, float ny, float nz) {
  const float fold = 1.0f / (std::fabs(nx) + std::fabs(ny) + std::fabs(nz));
  const float ox = nx * fold, oy = ny * fold;
  const float back_x = std::copysign(1.0f - std::fabs(oy), ox);
  const float back_y = std::copysign(1.0f - std::fabs(ox), oy);
  return {(nz < 0.0f ? back_x : ox) * 0.5f + 0.5f, (nz < 0.0f ? back_y : oy) * 0.5f + 0.5f};
}

STEREOCAST_INLINE void shade_ball(const Shape& shape, const Sampler& sampler, const Light& light,
                                  double y, Span run, const RowBuffers& out) {
  const Ball& ball = shape.ball;
  const BallRow row = ball_row(ball, y);
  const float side = static_cast<float>(1 << sampler.log2_side);
  const float radius = float(ball.radius);
  const float* to_light = ball.to_light;
  const float light_distance2 =
      to_light[0] * to_light[0] + to_light[1] * to_light[1] + to_light[2] * to_light[2];
  float base[3], slope[3], centre[3];
  for (int axis = 0; axis < 3; ++axis) {
    base[axis] = float(ball.axis[axis].row(y));
    slope[axis] = float(ball.axis[axis].x);
    centre[axis] = float(ball.axis_centre[axis]);
  }
  for (int x = run.begin; x < run.end; x += kBlock) {
    const int count = filled_up(run.end - x);
    alignas(64) float root[kBlock], s[kBlock], t[kBlock], rho2[kBlock], shade[kBlock], lit[kBlock];
    Taps taps;
    for (int i = 0; i < count; ++i) {
      root[i] = std::sqrt(ball_discriminant(row, static_cast<float>(x + i)));
    }
    for (int i = 0; i < count; ++i) {
      const float column = static_cast<float>(x + i);
      const float z = 1.0f / ((row.b + row.b_x * column + root[i]) * row.inverse_k);
      const float nx = z * (base[0] + slope[0] * column) - centre[0];
      const float ny = z * (base[1] + slope[1] * column) - centre[1];
      const float nz = z * (base[2] + slope[2] * column) - centre[2];
      const auto [u, v] = unfold(nx, ny, nz);
      const float cosine2 = root[i] * root[i] * ball.inverse_cosine2 + 0.02f;
      const float texels = z * ball.footprint;
      rho2[i] = texels * texels / cosine2;
      // Texel centres of the level lie on the border of the octahedron: nothing wraps around.
      const int level = level_of(rho2[i], sampler.log2_side);
      const float texel = std::bit_cast<float>((127 + level) << 23);
      s[i] = least(most(u, 0.0f), 1.0f) * (side - texel) + 0.5f * texel;
      t[i] = least(most(v, 0.0f), 1.0f) * (side - texel) + 0.5f * texel;
      const float towards = nx * to_light[0] + ny * to_light[1] + nz * to_light[2];
      const float distance2 = light_distance2 - 2.0f * radius * towards + radius * radius;
      lit[i] = most(towards - radius, 0.0f) / distance2;
      shade[i] = 1.0f;
    }
    aim(sampler, s, t, rho2, count, taps);
    tint(sampler, taps, shade, lit, count, light, shape.glow, x, out.rgb);
  }
}

// As shade_ball, with the normal and the distance to the light stretched by the radii.
STEREOCAST_INLINE void shade_ellipsoid(const Shape& shape, const Sampler& sampler,
                                       const Light& light, double y, Span run,
                                       const RowBuffers& out) {
  const Ball& ball = shape.ball;
  const Discriminant d = discriminant_row(ball, y);
  const float side = static_cast<float>(1 << sampler.log2_side);
  float base[3], slope[3], centre[3], inverse[3];
  for (int axis = 0; axis < 3; ++axis) {
    base[axis] = float(ball.axis[axis].row(y));
    slope[axis] = float(ball.axis[axis].x);
    centre[axis] = float(ball.axis_centre[axis]);
    inverse[axis] = 1.0f / ball.radii[axis];
  }
  for (int x = run.begin; x < run.end; x += kBlock) {
    const int count = filled_up(run.end - x);
    alignas(64) float n[3][kBlock];
    alignas(64) float s[kBlock], t[kBlock], rho2[kBlock], shade[kBlock], lit[kBlock];
    Taps taps;
    for (int i = 0; i < count; ++i) {
      const float column = static_cast<float>(x + i);
      const float z = 1.0f / out.iz[x + i];
      for (int axis = 0; axis < 3; ++axis) {
        n[axis][i] = z * (base[axis] + slope[axis] * column) - centre[axis];
      }
      const float value = most(discriminant_at(d, x + i), 0.0f);
      const float texels = z * ball.footprint;
      rho2[i] = texels * texels / (value * ball.inverse_cosine2 + 0.02f);
    }
    for (int i = 0; i < count; ++i) {
      const Unfolded at = unfold(n[0][i], n[1][i], n[2][i]);
      const int level = level_of(rho2[i], sampler.log2_side);
      const float texel = std::bit_cast<float>((127 + level) << 23);
      s[i] = least(most(at.u, 0.0f), 1.0f) * (side - texel) + 0.5f * texel;
      t[i] = least(most(at.v, 0.0f), 1.0f) * (side - texel) + 0.5f * texel;
      float towards = 0.0f, distance2 = 0.0f, normal2 = 0.0f;
      for (int axis = 0; axis < 3; ++axis) {
        const float normal = n[axis][i] * inverse[axis];
        const float away = ball.to_light[axis] - n[axis][i] * ball.radii[axis];
        towards += away * normal;
        distance2 += away * away;
        normal2 += normal * normal;
      }
      lit[i] = most(towards, 0.0f) / (std::sqrt(normal2) * distance2);
      shade[i] = 1.0f;
    }
    aim(sampler, s, t, rho2, count, taps);
    tint(sampler, taps, shade, lit, count, light, shape.glow, x, out.rgb);
  }
}

// Where the scene's shadows fall on one receiving plane.
inline std::vector<Shadow> shadows_on(const float* row, const float* table, int count) {
  std::vector<Shadow> shadows;
  const Vec3 origin = load(row + 2), u = load(row + 5), v = load(row + 8);
  const Vec3 along_s = (1 / std::sqrt(dot(u, u))) * u, along_t = (1 / std::sqrt(dot(v, v))) * v;
  for (int i = 0; i < count; ++i, table += 10) {
    const Vec3 from_origin = load(table) - origin, heading = load(table + 3);
    const float softness = table[8];
    shadows.push_back({float(dot(from_origin, along_s)), float(dot(from_origin, along_t)),
                       float(dot(heading, along_s)), float(dot(heading, along_t)), table[6],
                       table[7], 1.0f / softness, table[9],
                       std::hypot(table[6], table[7]) + softness});
  }
  return shadows;
}

}  // namespace stereocast::raycast
