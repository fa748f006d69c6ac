// Which primitive a row's pixels see: spans tested against a row of inverse depths, nearest wins.
//
// Ties go to the primitive that comes first in the table. Columns are those of the row buffers.
#pragma once

#include "ellipsoid.h"
#include "texture.h"

namespace stereocast::raycast {

struct Span {
  int begin = 0, end = 0;
};

STEREOCAST_INLINE Span span_between(double low, double high, int width) {
  const int begin = static_cast<int>(std::ceil(std::clamp(low, 0.0, double(width))));
  const int end = static_cast<int>(std::floor(std::clamp(high, -1.0, double(width - 1)))) + 1;
  return {begin, end};
}

STEREOCAST_INLINE Span plane_span(const Plane& plane, double y, int width) {
  double low = 0, high = width - 1;
  for (const Side& side : plane.sides) {
    if (side.inside.x > 0) {
      low = std::max(low, side.slope * y + side.start);
    } else if (side.inside.x < 0) {
      high = std::min(high, side.slope * y + side.start);
    } else if (side.inside.row(y) < 0) {
      return {};
    }
  }
  return span_between(low, high, width);
}

// The float functions of x that one row of a plane is made of.
struct PlaneRow {
  float iz, iz_x, s, s_x, t, t_x;  // value at column 0 and slope
  float iz_y, s_y, t_y;            // slopes down the picture, for the footprint
  float s_max, t_max;
};

STEREOCAST_INLINE PlaneRow plane_row(const Plane& plane, double y) {
  return {float(plane.iz.row(y)), float(plane.iz.x),  float(plane.s.row(y)), float(plane.s.x),
          float(plane.t.row(y)),  float(plane.t.x),   float(plane.iz.y),     float(plane.s.y),
          float(plane.t.y),       float(plane.s_max), float(plane.t_max)};
}

// Texel coordinates and squared footprint of `count` pixels from column x; safe outside the plane.
STEREOCAST_INLINE void plane_texels(const PlaneRow& row, int x, int count, float* s, float* t,
                                    float* rho2) {
  for (int i = 0; i < count; ++i) {
    const float column = static_cast<float>(x + i);
    const float z = 1.0f / most(row.iz + row.iz_x * column, static_cast<float>(kFarthest));
    const float si = least(most((row.s + row.s_x * column) * z, 0.0f), row.s_max);
    const float ti = least(most((row.t + row.t_x * column) * z, 0.0f), row.t_max);
    const float s_dx = (row.s_x - si * row.iz_x) * z, t_dx = (row.t_x - ti * row.iz_x) * z;
    const float s_dy = (row.s_y - si * row.iz_y) * z, t_dy = (row.t_y - ti * row.iz_y) * z;
    s[i] = si;
    t[i] = ti;
    rho2[i] = most(s_dx * s_dx + t_dx * t_dx, s_dy * s_dy + t_dy * t_dy);
  }
}

STEREOCAST_INLINE void see_rectangle(const Plane& plane, int id, double y, int width, float* iz,
                                     std::int32_t* ids) {
  const Span span = plane_span(plane, y, width);
  const float base = float(plane.iz.row(y)), slope = float(plane.iz.x);
  for (int x = span.begin; x < span.end; ++x) {
    const float candidate = base + slope * static_cast<float>(x);
    const bool closer = candidate > iz[x];
    iz[x] = closer ? candidate : iz[x];
    ids[x] = closer ? id : ids[x];
  }
}

STEREOCAST_INLINE void see_card(const Plane& plane, const Sampler& sampler, int id, double y,
                                int width, float* iz, std::int32_t* ids) {
  const Span span = plane_span(plane, y, width);
  const PlaneRow row = plane_row(plane, y);
  for (int x = span.begin; x < span.end; x += kBlock) {
    alignas(64) float s[kBlock], t[kBlock], rho2[kBlock];
    Taps taps;
    Colours colours;
    const int count = filled_up(span.end - x);
    plane_texels(row, x, count, s, t, rho2);
    aim(sampler, s, t, rho2, count, taps);
    fetch(sampler, taps, count, colours);
    const int inside = span.end - x;
    for (int i = 0; i < count; ++i) {  // the row buffers are padded by a block
      const float candidate = row.iz + row.iz_x * static_cast<float>(x + i);
      const bool closer =
          (candidate > iz[x + i]) & (colours.green_alpha[i] >= 0x80000000u) & (i < inside);
      iz[x + i] = closer ? candidate : iz[x + i];
      ids[x + i] = closer ? id : ids[x + i];
    }
  }
}

// What the conic needs along one row: discriminant = peak − bend·(x − mid)².
struct BallRow {
  float peak, bend, mid, b, b_x, inverse_k;
};

STEREOCAST_INLINE BallRow ball_row(const Ball& ball, double y) {
  return {float(ball_peak(ball, y)), float(ball.bend), float(ball.mid_slope * y + ball.mid_start),
          float(ball.b.row(y)),      float(ball.b.x),  float(1.0 / ball.k)};
}

STEREOCAST_INLINE float ball_discriminant(const BallRow& row, float column) {
  const float aside = column - row.mid;
  return most(row.peak - row.bend * aside * aside, 0.0f);
}

STEREOCAST_INLINE void see_ball(const Ball& ball, int id, double y, int width, float* iz,
                                std::int32_t* ids) {
  const double peak = ball_peak(ball, y);
  if (ball.k <= 0 || peak < 0) return;
  const double middle = ball.mid_slope * y + ball.mid_start;
  const double half = std::sqrt(peak / ball.bend);
  const Span span = span_between(middle - half, middle + half, width);
  const BallRow row = ball_row(ball, y);
  for (int x = span.begin; x < span.end; ++x) {
    const float column = static_cast<float>(x);
    const float root = std::sqrt(ball_discriminant(row, column));
    const float candidate = (row.b + row.b_x * column + root) * row.inverse_k;
    const bool closer = candidate > iz[x];
    iz[x] = closer ? candidate : iz[x];
    ids[x] = closer ? id : ids[x];
  }
}

STEREOCAST_INLINE float discriminant_at(const Discriminant& d, int x) {
  return static_cast<float>(d.c + x * (d.b + x * d.a));
}

STEREOCAST_INLINE void see_ellipsoid(const Ball& ball, int id, double y, int width, float* iz,
                                     std::int32_t* ids) {
  const Discriminant d = discriminant_row(ball, y);
  Span span{0, width};
  if (d.a < 0) {
    const double inside = d.b * d.b - 4 * d.a * d.c;
    if (inside < 0) return;
    const double middle = -d.b / (2 * d.a), half = std::sqrt(inside) / (-2 * d.a);
    span = span_between(middle - half, middle + half, width);
  }
  const float base = float(ball.b.row(y)), slope = float(ball.b.x), inverse_k = float(1.0 / ball.k);
  for (int x = span.begin; x < span.end; ++x) {
    const float value = discriminant_at(d, x);
    const float root = std::sqrt(most(value, 0.0f));
    const float candidate = (base + slope * static_cast<float>(x) + root) * inverse_k;
    const bool closer = (value >= 0.0f) & (candidate > iz[x]);
    iz[x] = closer ? candidate : iz[x];
    ids[x] = closer ? id : ids[x];
  }
}

STEREOCAST_INLINE void see_row(const Shape* shapes, int count, int log2_side, int y, int width,
                               float* iz, std::int32_t* ids) {
  for (int id = 0; id < count; ++id) {
    const Shape& shape = shapes[id];
    if (y < shape.y_begin || y >= shape.y_end) continue;
    if (shape.kind == Kind::kSphere) {
      see_ball(shape.ball, id, y, width, iz, ids);
    } else if (shape.kind == Kind::kEllipsoid) {
      see_ellipsoid(shape.ball, id, y, width, iz, ids);
    } else if (shape.kind == Kind::kCard) {
      see_card(shape.plane, {shape.texels, log2_side}, id, y, width, iz, ids);
    } else {
      see_rectangle(shape.plane, id, y, width, iz, ids);
    }
  }
}

}  // namespace stereocast::raycast
