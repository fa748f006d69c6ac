// Rays × primitives on the CPU: rows in parallel, each row first seen, then shaded once per pixel.
//
// reference.py is the definition. A row is first seen (inverse depths and ids), then its runs of
// equal ids are shaded in blocks. Once its neighbours are done too, the pixels on edges get their
// mixed colours, which are written when nobody reads the unmixed ones any more.

#include <memory>
#include <stdexcept>
#include <string>

#include "pool.h"
#include "silhouettes.h"
#include "tensors.h"

namespace stereocast {
namespace {

using namespace raycast;

struct View {
  std::vector<Shape> shapes;
  std::vector<std::vector<Shadow>> shadows;  // per shape; empty where none are received
  Light light;
  std::uint8_t background[3];
  int log2_side;
};

// The first column after `begin` with another id; eight at a time, since runs are long.
STEREOCAST_INLINE int run_end(const std::int32_t* ids, int begin, int width) {
  const std::int32_t id = ids[begin];
  int end = begin + 1;
  for (; end + 8 <= width; end += 8) {
    std::int32_t other = 0;
    for (int i = 0; i < 8; ++i) other |= ids[end + i] ^ id;
    if (other != 0) break;
  }
  while (end < width && ids[end] == id) ++end;
  return end;
}

STEREOCAST_INLINE void shade_row(const View& view, int y, int width, const RowBuffers& row) {
  for (int begin = 0; begin < width;) {
    const std::int32_t id = row.ids[begin];
    const int end = run_end(row.ids, begin, width);
    if (id < 0) {
      for (int channel = 0; channel < 3; ++channel) {
        std::memset(row.rgb[channel] + begin, view.background[channel], end - begin);
      }
    } else {
      const Shape& shape = view.shapes[id];
      const Sampler sampler{shape.texels, view.log2_side};
      if (shape.kind == Kind::kSphere) {
        shade_ball(shape, sampler, view.light, y, {begin, end}, row);
      } else if (shape.kind == Kind::kEllipsoid) {
        shade_ellipsoid(shape, sampler, view.light, y, {begin, end}, row);
      } else {
        shade_plane(shape, sampler, view.light, view.shadows[id], y, {begin, end}, row);
      }
    }
    begin = end;
  }
}

// Where a band of rows keeps what it has seen; rows are padded by a block.
struct Band {
  std::unique_ptr<float[]> iz;
  std::unique_ptr<std::int32_t[]> ids;

  Band() = default;
  Band(int rows, int pitch)
      : iz(std::make_unique_for_overwrite<float[]>(std::size_t(rows) * pitch)),
        ids(std::make_unique_for_overwrite<std::int32_t[]>(std::size_t(rows) * pitch)) {}
};

// What the caller wants to know of each pixel beside its colour; null if nothing.
struct Maps {
  float* depth = nullptr;
  std::int32_t* ids = nullptr;
};

STEREOCAST_MULTIVERSION
void render_row(const View& view, const Picture& picture, const Maps& maps, int y, float* iz,
                std::int32_t* ids, std::uint8_t* colours) {
  const int width = picture.width, padded = width + kBlock;
  const RowBuffers row{iz, ids, {colours, colours + padded, colours + 2 * padded}};
  std::fill(iz, iz + padded, 0.0f);
  std::fill(ids, ids + padded, -1);
  see_row(view.shapes.data(), static_cast<int>(view.shapes.size()), view.log2_side, y, width, iz,
          ids);
  shade_row(view, y, width, row);
  const std::int64_t start = std::int64_t(y) * width;
  for (int channel = 0; channel < 3; ++channel) {
    std::memcpy(picture.rgb + std::int64_t(channel) * picture.height * width + start,
                row.rgb[channel], width);
  }
  if (maps.depth == nullptr) return;
  std::memcpy(maps.ids + start, ids, width * sizeof(std::int32_t));
  float* depth = maps.depth + start;
  for (int x = 0; x < width; ++x) depth[x] = 1.0f / iz[x];
}

// flags[x] = 1 where the pixel's id differs from one of its four neighbours'; zero padded to 8.
STEREOCAST_MULTIVERSION
void flag_edges(const Picture& picture, int y, std::uint8_t* flags) {
  const int width = picture.width;
  const std::int32_t* own = picture.ids[y];
  const std::int32_t* above = y > 0 ? picture.ids[y - 1] : own;
  const std::int32_t* below = y + 1 < picture.height ? picture.ids[y + 1] : own;
  for (int x = 0; x < width; ++x) {
    flags[x] = (own[x] != above[x]) | (own[x] != below[x]);
  }
  for (int x = 1; x < width; ++x) {
    const std::uint8_t differs = own[x] != own[x - 1];
    flags[x] |= differs;
  }
  for (int x = 1; x < width; ++x) {
    const std::uint8_t differs = own[x] != own[x - 1];
    flags[x - 1] |= differs;
  }
}

void mix_row(const View& view, const Picture& picture, int y, std::vector<std::uint8_t>& flags,
             std::vector<Mixed>& changes) {
  changes.reserve(64);
  flag_edges(picture, y, flags.data());
  for (int block = 0; block < picture.width; block += 8) {
    std::uint64_t any;
    std::memcpy(&any, flags.data() + block, sizeof any);
    if (any == 0) continue;
    for (int x = block; x < std::min(block + 8, picture.width); ++x) {
      if (flags[x]) mix(picture, view.shapes, view.log2_side, x, y, changes);
    }
  }
}

void check(const float* row, std::size_t number, std::size_t textures) {
  if (!(row[0] >= 0 && row[0] < 4 && row[1] >= 0 && row[1] < float(textures))) {
    throw std::invalid_argument("raycast: primitive " + std::to_string(number) +
                                " must be of kind 0 to 3 with a texture below " +
                                std::to_string(textures));
  }
}

View prepare(const ConstMap& primitives, const Array<const std::uint8_t, 4>& textures,
             const ConstMap& shadows, const ConstMap& light, const ConstMap& camera, int height) {
  const float* eye_row = camera.data();
  Eye eye{load(eye_row), load(eye_row + 3), load(eye_row + 6), load(eye_row + 9),
          eye_row[12],   eye_row[13],       eye_row[14]};
  const float* lamp = light.data();
  View view{{}, {}, {load(lamp), {lamp[3], lamp[4], lamp[5]}, {lamp[6], lamp[7], lamp[8]}}, {}, 0};
  for (int channel = 0; channel < 3; ++channel) {
    view.background[channel] = static_cast<std::uint8_t>(lamp[9 + channel]);
  }
  const int side = static_cast<int>(textures.shape(2)) - 1;
  view.log2_side = std::countr_zero(static_cast<unsigned>(side));
  const auto* texels = reinterpret_cast<const std::uint32_t*>(textures.data());
  for (std::size_t i = 0; i < primitives.shape(0); ++i) {
    const float* row = primitives.data() + i * primitives.shape(1);
    check(row, i, textures.shape(0));
    view.shapes.push_back(set_up(row, eye, view.light.position, texels, side, height));
    const bool shadowed = view.shapes.back().receives_shadows;
    view.shadows.push_back(shadowed ? shadows_on(row, shadows.data(), int(shadows.shape(0)))
                                    : std::vector<Shadow>{});
  }
  return view;
}

// Renders rows [first, last) and mixes those that need no other band. Returns what their
// neighbours in other bands still need: the first two and the last two rows.
Band render_band(const View& view, const Maps& maps, int first, int last, Picture& picture,
                 std::vector<std::vector<Mixed>>& mixed) {
  const int pitch = picture.width + kBlock, rows = last - first;
  Band kept(std::min(rows, 4), pitch);
  const Band passing(std::max(rows - 4, 0), pitch);
  const auto colours = std::make_unique_for_overwrite<std::uint8_t[]>(3 * std::size_t(pitch));
  for (int y = first; y < last; ++y) {
    const int above = y - first, below = last - 1 - y;
    const bool keeps = above < 2 || below < 2;
    const std::size_t slot = !keeps ? above - 2 : above < 2 ? above : std::min(rows, 4) - 1 - below;
    const Band& band = keeps ? kept : passing;
    float* iz = band.iz.get() + slot * pitch;
    std::int32_t* ids = band.ids.get() + slot * pitch;
    render_row(view, picture, maps, y, iz, ids, colours.get());
    picture.iz[y] = iz;
    picture.ids[y] = ids;
  }
  std::vector<std::uint8_t> flags(picture.width + 8);
  for (int y = first + 1; y < last - 1; ++y) mix_row(view, picture, y, flags, mixed[y]);
  return kept;
}

void render(const View& view, const Maps& maps, Picture& picture) {
  const int height = picture.height;
  std::vector<std::vector<Mixed>> mixed(height);
  std::vector<Band> kept(height);
  std::vector<std::uint8_t> is_border(height, 0);
  parallel_rows(height, [&](int first, int last) {
    kept[first] = render_band(view, maps, first, last, picture, mixed);
    is_border[first] = is_border[last - 1] = 1;
  });
  parallel_rows(height, [&](int first, int last) {
    std::vector<std::uint8_t> flags(picture.width + 8);
    for (int y = first; y < last; ++y) {
      if (is_border[y] != 0) mix_row(view, picture, y, flags, mixed[y]);
    }
  });
  for (int y = 0; y < height; ++y) {
    for (const Mixed& pixel : mixed[y]) {
      for (int channel = 0; channel < 3; ++channel) {
        picture.rgb[(std::int64_t(channel) * height + y) * picture.width + pixel.x] =
            pixel.rgb[channel];
      }
    }
  }
}

Picture picture_of(const Image& rgb) {
  const int height = static_cast<int>(rgb.shape(1));
  return {height, static_cast<int>(rgb.shape(2)), rgb.data(), std::vector<const float*>(height),
          std::vector<const std::int32_t*>(height)};
}

// light [4, 3]: position, diffuse, ambient, background; camera [5, 3]: position, right, down,
// forward, (focal, centre x, centre y).
void raycast_native(ConstMap primitives, Array<const std::uint8_t, 4> textures, ConstMap shadows,
                    ConstMap light, ConstMap camera, Image rgb, Map depth,
                    Array<std::int32_t, 2> ids) {
  const nb::gil_scoped_release unlocked;
  Picture picture = picture_of(rgb);
  const View view = prepare(primitives, textures, shadows, light, camera, picture.height);
  render(view, {depth.data(), ids.data()}, picture);
}

void raycast_colours_native(ConstMap primitives, Array<const std::uint8_t, 4> textures,
                            ConstMap shadows, ConstMap light, ConstMap camera, Image rgb) {
  const nb::gil_scoped_release unlocked;
  Picture picture = picture_of(rgb);
  const View view = prepare(primitives, textures, shadows, light, camera, picture.height);
  render(view, {}, picture);
}

}  // namespace

void bind_raycast(nb::module_& module) {
  module.def("raycast", &raycast_native, nb::arg("primitives"), nb::arg("textures"),
             nb::arg("shadows"), nb::arg("light"), nb::arg("camera"), nb::arg("rgb"),
             nb::arg("depth"), nb::arg("ids"));
  module.def("raycast_colours", &raycast_colours_native, nb::arg("primitives"), nb::arg("textures"),
             nb::arg("shadows"), nb::arg("light"), nb::arg("camera"), nb::arg("rgb"));
}

}  // namespace stereocast
