// Projective set-up of the ray caster: what one camera makes of one primitive, in doubles.
//
// On a plane 1/Z, and every plane coordinate over Z, are linear in the pixel coordinates; a sphere
// is a conic with a square root. Here those functions are derived once per primitive and picture.
// What happens per pixel is in visibility.h, shading.h and silhouettes.h.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace stereocast::raycast {

constexpr double kFarthest = 1e-4;  // smallest 1/Z that counts as a hit: 10 km

struct Vec3 {
  double x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(double k, Vec3 a) { return {k * a.x, k * a.y, k * a.z}; }
inline double dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline Vec3 load(const float* p) { return {p[0], p[1], p[2]}; }

// A function of the pixel (x, y) that is linear in both; (0, 0) is the centre of the first pixel.
struct Linear {
  double x = 0, y = 0, c = 0;
  double at(double px, double py) const { return x * px + y * py + c; }
  double row(double py) const { return y * py + c; }
};
inline Linear operator-(Linear a, Linear b) { return {a.x - b.x, a.y - b.y, a.c - b.c}; }
inline Linear operator*(double k, Linear a) { return {k * a.x, k * a.y, k * a.c}; }

struct Eye {
  Vec3 position, right, down, forward;
  double focal = 1, centre_x = 0, centre_y = 0;

  Vec3 rotate(Vec3 v) const { return {dot(right, v), dot(down, v), dot(forward, v)}; }
  Vec3 place(Vec3 world) const { return rotate(world - position); }
  // n·d over the pixels, where d is the ray with unit depth.
  Linear along_rays(Vec3 n) const {
    return {n.x / focal, n.y / focal,
            (n.x * (0.5 - centre_x) + n.y * (0.5 - centre_y)) / focal + n.z};
  }
};

// The pixels of one row where all of a plane's inequalities hold; bounds are linear in the row.
struct Side {
  Linear inside;                // >= 0 inside
  Linear distance;              // the same in pixels from the line
  double slope = 0, start = 0;  // the bound: x = slope·y + start
};

enum class Kind : int { kRectangle = 0, kSphere = 1, kCard = 2, kEllipsoid = 3 };

struct Plane {
  Linear iz, s, t;  // 1/Z, and level-0 texel coordinates over Z
  double s_max = 0, t_max = 0;
  Side sides[5];
  float metres_s = 0, metres_t = 0;           // metres per texel
  float light_s = 0, light_t = 0;             // foot of the light, metres
  float light_height = 0, light_height2 = 0;  // its distance from the plane
};

struct Ball {                                     // a sphere or an ellipsoid
  Linear b;                                       // centre·ray
  double k = 0;                                   // |centre|² − radius²
  double bend = 0, mid_slope = 0, mid_start = 0;  // discriminant = peak(y) − bend·(x − mid(y))²
  Linear ray_x, ray_y;                            // ray components, for the conic's value
  double radius = 0;                              // of an ellipsoid: of the sphere of its volume
  float radii[3] = {};                            // of an ellipsoid, metres along its axes
  Linear axis[3];                                 // object axes·ray
  double axis_centre[3] = {};                     // object axes·centre
  float to_light[3] = {};     // the light seen from the centre, object axes, metres
  float footprint = 0;        // texels per pixel at 1 m
  float inverse_cosine2 = 0;  // turns the discriminant into cos² of the viewing angle
};

struct Shape {
  Kind kind = Kind::kRectangle;
  bool receives_shadows = false;
  float inverse_corner = 0, glow = 0;  // 1 / width of the darkened border, 1/m
  const std::uint32_t* texels = nullptr;
  int y_begin = 0, y_end = 0;  // rows it can touch
  Plane plane;
  Ball ball;
};

// The value of the sphere's discriminant at the row's middle column.
inline double ball_peak(const Ball& ball, double y) {
  const double x = ball.mid_slope * y + ball.mid_start;
  const double b = ball.b.at(x, y), rx = ball.ray_x.at(x, y), ry = ball.ray_y.at(x, y);
  return b * b - ball.k * (rx * rx + ry * ry + 1.0);
}

// Rows [begin, end) that a projected interval of y can touch.
inline void bound_rows(double low, double high, int height, Shape& shape) {
  shape.y_begin = static_cast<int>(std::clamp(std::floor(low), 0.0, double(height)));
  shape.y_end = static_cast<int>(std::clamp(std::ceil(high) + 1.0, 0.0, double(height)));
}

inline void set_up_plane(const float* row, const Eye& eye, Vec3 light, int side, int height,
                         Shape& shape) {
  Plane& plane = shape.plane;
  const Vec3 origin = eye.place(load(row + 2));
  const Vec3 u = eye.rotate(load(row + 5)), v = eye.rotate(load(row + 8));
  const Vec3 normal = cross(u, v);
  const double distance = dot(normal, origin);
  if (distance == 0.0) return;  // seen edge-on: no pixel
  const double uu = dot(u, u), vv = dot(v, v);
  plane.s_max = double(row[11]) * side;
  plane.t_max = double(row[12]) * side;
  plane.iz = eye.along_rays((1.0 / distance) * normal);
  const auto over_depth = [&](Vec3 edge, double scale) {
    return scale * (eye.along_rays(edge) - dot(edge, origin) * plane.iz);
  };
  plane.s = over_depth((1.0 / uu) * u, plane.s_max);
  plane.t = over_depth((1.0 / vv) * v, plane.t_max);
  plane.metres_s = float(std::sqrt(uu) / plane.s_max);
  plane.metres_t = float(std::sqrt(vv) / plane.t_max);

  const Vec3 to_light = eye.place(light) - origin;
  plane.light_s = float(dot(to_light, u) / std::sqrt(uu));
  plane.light_t = float(dot(to_light, v) / std::sqrt(vv));
  // The lit side is the one that the light stands on; cards are translucent and lit on both.
  const double facing = distance > 0 ? -1.0 : 1.0;
  const double light_height = facing * dot(to_light, normal) / std::sqrt(dot(normal, normal));
  plane.light_height =
      float(shape.kind == Kind::kCard ? std::abs(light_height) : std::max(light_height, 0.0));
  plane.light_height2 = float(light_height * light_height);

  const Linear beyond{plane.iz.x, plane.iz.y, plane.iz.c - kFarthest};
  const Linear inside[5] = {plane.s, plane.s_max * plane.iz - plane.s, plane.t,
                            plane.t_max * plane.iz - plane.t, beyond};
  for (int i = 0; i < 5; ++i) {
    plane.sides[i].inside = inside[i];
    plane.sides[i].distance = (1.0 / std::hypot(inside[i].x, inside[i].y)) * inside[i];
    if (inside[i].x != 0.0) {
      plane.sides[i].slope = -inside[i].y / inside[i].x;
      plane.sides[i].start = -inside[i].c / inside[i].x;
    }
  }
  double low = std::numeric_limits<double>::max(), high = -low;
  for (const Vec3 corner : {origin, origin + u, origin + v, origin + u + v}) {
    if (corner.z < 1e-3) {  // reaches behind the eye: any row
      low = 0;
      high = height;
      break;
    }
    const double y = corner.y / corner.z * eye.focal + eye.centre_y - 0.5;
    low = std::min(low, y);
    high = std::max(high, y);
  }
  bound_rows(low, high, height, shape);
}

inline void set_up_ball(const float* row, const Eye& eye, Vec3 light, int side, int height,
                        Shape& shape) {
  Ball& ball = shape.ball;
  const Vec3 centre = eye.place(load(row + 2));
  const Vec3 u = eye.rotate(load(row + 5)), v = eye.rotate(load(row + 8));
  ball.radius = std::sqrt(dot(u, u));
  ball.k = dot(centre, centre) - ball.radius * ball.radius;
  if (ball.k <= 0 || centre.z <= ball.radius) return;  // around or behind the eye: not drawn
  ball.b = eye.along_rays(centre);
  ball.ray_x = eye.along_rays({1, 0, 0});
  ball.ray_y = eye.along_rays({0, 1, 0});
  ball.bend = (ball.k - centre.x * centre.x) / (eye.focal * eye.focal);
  // The discriminant's derivative along x vanishes at mid(y).
  const double slope_y = centre.x * ball.b.y / eye.focal;
  const double offset = (centre.x * (ball.b.c - ball.b.x * (0.5 - eye.centre_x))) / eye.focal;
  ball.mid_slope = slope_y / ball.bend;
  ball.mid_start = offset / ball.bend + eye.centre_x - 0.5;

  const Vec3 axes[3] = {(1 / ball.radius) * u, (1 / ball.radius) * v,
                        (1 / (ball.radius * ball.radius)) * cross(u, v)};
  const Vec3 to_light = eye.place(light) - centre;
  for (int i = 0; i < 3; ++i) {
    ball.axis[i] = eye.along_rays((1 / ball.radius) * axes[i]);
    ball.axis_centre[i] = dot(axes[i], centre) / ball.radius;
    ball.to_light[i] = float(dot(axes[i], to_light));
  }
  ball.footprint = float(side / (3.14159265358979 * ball.radius * eye.focal));
  ball.inverse_cosine2 =
      float(centre.z * centre.z / (ball.radius * ball.radius * dot(centre, centre)));
  const double reach = 1.5 * ball.radius / (centre.z - ball.radius) * eye.focal;
  const double y = centre.y / centre.z * eye.focal + eye.centre_y - 0.5;
  const double widen = reach * (1.0 + std::abs(centre.y) / centre.z);
  bound_rows(y - widen, y + widen, height, shape);
}

}  // namespace stereocast::raycast
