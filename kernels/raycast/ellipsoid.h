// Ellipsoids: spheres in the axes of their own radii, cast as quadrics, also across the eye's
// plane.
//
// With e_i = axis_i·ray / radius_i and q the centre in the same axes, |e/iz − q| = 1 is a quadratic
// in iz, solved by (b ± √D) / k with b = q·e, D = b² − k·|e|², k = |q|² − 1. Everything but D is
// what math.h keeps of a sphere; D is kept as a polynomial of the column, since an ellipsoid that
// reaches behind the eye has no middle column.
#pragma once

#include "math.h"

namespace stereocast::raycast {

inline double ellipsoid_value(const Ball& ball, double x, double y) {
  double length2 = 0;
  for (const Linear& axis : ball.axis) {
    const double e = axis.at(x, y);
    length2 += e * e;
  }
  const double b = ball.b.at(x, y);
  return b * b - ball.k * length2;
}

// D = c + x·(b + x·a) along one row.
struct Discriminant {
  double a = 0, b = 0, c = 0;
};

inline Discriminant discriminant_row(const Ball& ball, double y) {
  const double middle = ball.b.row(y);
  Discriminant d{ball.b.x * ball.b.x, 2 * ball.b.x * middle, middle * middle};
  for (const Linear& axis : ball.axis) {
    const double e = axis.row(y);
    d.a -= ball.k * axis.x * axis.x;
    d.b -= ball.k * 2 * axis.x * e;
    d.c -= ball.k * e * e;
  }
  return d;
}

// Rows [low, high] of the picture that planes through the eye and a row touch it in: the roots of
// (n·centre)² = Σ (n·radius)², n = (0, 1, −Y). No such rows: it surrounds the eye's plane.
inline void bound_ellipsoid(Vec3 centre, const Vec3 (&radii)[3], const Eye& eye, int height,
                            Shape& shape) {
  double zz = centre.z * centre.z, yz = centre.y * centre.z, yy = centre.y * centre.y;
  for (const Vec3& r : radii) zz -= r.z * r.z, yz -= r.y * r.z, yy -= r.y * r.y;
  if (zz <= 0) return bound_rows(0, height, height, shape);
  if (centre.z < 0) return;  // all of it lies behind the eye
  const double root = std::sqrt(std::max(yz * yz - zz * yy, 0.0));
  const double to_row = eye.focal / zz;
  bound_rows((yz - root) * to_row + eye.centre_y - 0.5, (yz + root) * to_row + eye.centre_y - 0.5,
             height, shape);
}

inline void set_up_ellipsoid(const float* row, const Eye& eye, Vec3 light, int side, int height,
                             Shape& shape) {
  Ball& ball = shape.ball;
  const Vec3 centre = eye.place(load(row + 2));
  const Vec3 u = eye.rotate(load(row + 5)), v = eye.rotate(load(row + 8));
  const double lengths[3] = {std::sqrt(dot(u, u)), std::sqrt(dot(v, v)), double(row[11])};
  const Vec3 across = cross(u, v);
  const Vec3 axes[3] = {(1 / lengths[0]) * u, (1 / lengths[1]) * v,
                        (1 / std::sqrt(dot(across, across))) * across};
  const Vec3 radii[3] = {u, v, lengths[2] * axes[2]};
  const Vec3 to_light = eye.place(light) - centre;
  double q2 = 0;
  for (int i = 0; i < 3; ++i) {
    ball.axis[i] = eye.along_rays((1 / lengths[i]) * axes[i]);
    ball.axis_centre[i] = dot(axes[i], centre) / lengths[i];
    ball.to_light[i] = float(dot(axes[i], to_light));
    ball.radii[i] = float(lengths[i]);
    q2 += ball.axis_centre[i] * ball.axis_centre[i];
  }
  ball.k = q2 - 1;
  if (ball.k <= 0) return;  // around the eye: not drawn
  for (int i = 0; i < 3; ++i) {
    const double q = ball.axis_centre[i];
    ball.b.x += q * ball.axis[i].x;
    ball.b.y += q * ball.axis[i].y;
    ball.b.c += q * ball.axis[i].c;
  }
  ball.radius = std::cbrt(lengths[0] * lengths[1] * lengths[2]);
  ball.footprint = float(side / (3.14159265358979 * ball.radius * eye.focal));
  ball.inverse_cosine2 = float(dot(centre, centre) / q2);
  bound_ellipsoid(centre, radii, eye, height, shape);
}

inline Shape set_up(const float* row, const Eye& eye, Vec3 light, const std::uint32_t* textures,
                    int side, int height) {
  Shape shape;
  shape.kind = static_cast<Kind>(static_cast<int>(row[0]));
  const std::int64_t rows = 2 * side + std::countr_zero(static_cast<unsigned>(side));
  shape.texels = textures + static_cast<std::int64_t>(row[1]) * rows * (side + 1);
  shape.inverse_corner = row[13] > 0 ? 1.0f / row[13] : 1e6f;
  shape.receives_shadows = row[14] > 0;
  shape.glow = row[15];
  const auto set_up_kind = shape.kind == Kind::kSphere      ? set_up_ball
                           : shape.kind == Kind::kEllipsoid ? set_up_ellipsoid
                                                            : set_up_plane;
  set_up_kind(row, eye, light, side, height, shape);
  return shape;
}

}  // namespace stereocast::raycast
