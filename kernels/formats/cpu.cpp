// Display formats on the CPU, row by row.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "formats/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

using Byte = std::uint8_t;
using namespace formats;

struct Recipe {
  int mode;
  int rows[3][6];
  const int* decode;
  const Byte* encode;
};

struct Rows {  // of one eye: red, green, blue
  const Byte *red, *green, *blue;

  Colour codes(int x) const { return {red[x], green[x], blue[x]}; }
  Colour light(int x, const int* decode) const {
    return {decode[red[x]], decode[green[x]], decode[blue[x]]};
  }
};

STEREOCAST_MULTIVERSION
void mix_coded_row(const int* row, Rows left, Rows right, int width, Byte* __restrict mixed) {
  for (int x = 0; x < width; ++x) {
    mixed[x] = static_cast<Byte>(mix_coded(row, left.codes(x), right.codes(x)));
  }
}

// Not one loop: the matrix vectorises, looking up in the large table does not.
STEREOCAST_MULTIVERSION
void decode_row(const Byte* __restrict codes, const int* __restrict decode, int width,
                int* __restrict light) {
  for (int x = 0; x < width; ++x) light[x] = decode[codes[x]];
}

STEREOCAST_MULTIVERSION
void mix_light_row(const int* row, const int* __restrict light, int width, bool clip_each_eye,
                   int* __restrict index) {
  const int *a = light, *b = a + width, *c = b + width;
  const int *d = c + width, *e = d + width, *f = e + width;
  for (int x = 0; x < width; ++x) {
    index[x] = mix_linear(row, {a[x], b[x], c[x]}, {d[x], e[x], f[x]}, clip_each_eye);
  }
}

void encode_row(const int* __restrict index, const Byte* __restrict encode, int width,
                Byte* __restrict codes) {
  for (int x = 0; x < width; ++x) codes[x] = encode[index[x]];
}

void anaglyph_row(const Recipe& recipe, Rows left, Rows right, int width, int* scratch,
                  Byte* const* mixed) {
  if (recipe.mode == 0) {
    for (int c = 0; c < 3; ++c) mix_coded_row(recipe.rows[c], left, right, width, mixed[c]);
  } else if (recipe.mode == 3) {
    for (int x = 0; x < width; ++x) {
      const Colour other = right.codes(x);
      mixed[0][x] = recipe.encode[wimmer_red(left.codes(x))];
      mixed[1][x] = static_cast<Byte>((lifted_green(other) + 50) / 100);
      mixed[2][x] = static_cast<Byte>((lifted_blue(other) + 50) / 100);
    }
  } else {
    const Byte* channels[] = {left.red, left.green, left.blue, right.red, right.green, right.blue};
    for (int i = 0; i < 6; ++i) decode_row(channels[i], recipe.decode, width, scratch + i * width);
    int* index = scratch + 6 * width;
    for (int c = 0; c < 3; ++c) {
      mix_light_row(recipe.rows[c], scratch, width, recipe.mode == 1, index);
      encode_row(index, recipe.encode, width, mixed[c]);
    }
  }
}

void anaglyph(ConstImage left, ConstImage right, int mode, Array<const int, 2> matrix,
              Array<const int, 1> decode, Array<const Byte, 1> encode, Image mixed) {
  const int height = static_cast<int>(left.shape(1)), width = static_cast<int>(left.shape(2));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  Recipe recipe{mode, {}, decode.data(), encode.data()};
  std::memcpy(recipe.rows, matrix.data(), sizeof recipe.rows);
  parallel_rows(height, [&](int begin, int end) {
    std::vector<int> scratch(7 * static_cast<std::size_t>(width));
    for (int y = begin; y < end; ++y) {
      const std::size_t at = static_cast<std::size_t>(y) * width;
      const auto rows = [&](const Byte* data) {
        return Rows{data + at, data + plane + at, data + 2 * plane + at};
      };
      Byte* const out[] = {mixed.data() + at, mixed.data() + plane + at,
                           mixed.data() + 2 * plane + at};
      anaglyph_row(recipe, rows(left.data()), rows(right.data()), width, scratch.data(), out);
    }
  });
}

// Samples on either side of each pixel of an enlarged axis.
struct Axis {
  std::vector<int> first, second;
  std::vector<float> share;

  Axis(int count, int size) : first(size), second(size), share(size) {
    const float scale = static_cast<float>(static_cast<double>(count) / size);
    for (int i = 0; i < size; ++i) {
      const float place = axis_place(i, scale, count);
      first[i] = static_cast<int>(place);
      second[i] = std::min(first[i] + 1, count - 1);
      share[i] = place - static_cast<float>(first[i]);
    }
  }
};

STEREOCAST_MULTIVERSION
void blend_row(const float* __restrict upper, const float* __restrict lower, float down, int count,
               float* __restrict blended) {
  for (int x = 0; x < count; ++x) blended[x] = between(upper[x], lower[x], down);
}

STEREOCAST_MULTIVERSION
void shade_row(const float* __restrict values, const int* __restrict first,
               const int* __restrict second, const float* __restrict share, int width,
               int* __restrict shade) {
  for (int x = 0; x < width; ++x) {
    shade[x] = shade_of(between(values[first[x]], values[second[x]], share[x]));
  }
}

void look_up_row(const int* __restrict shade, const Byte* __restrict colours, int width,
                 Byte* __restrict row) {
  for (int x = 0; x < width; ++x) row[x] = colours[3 * shade[x]];
}

void depth_picture(ConstMap nearness, Array<const Byte, 2> palette, Image picture) {
  const int rows = static_cast<int>(nearness.shape(0));
  const int columns = static_cast<int>(nearness.shape(1));
  const int height = static_cast<int>(picture.shape(1)), width = static_cast<int>(picture.shape(2));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  const Axis down(rows, height), across(columns, width);
  const Byte* colours = palette.data();
  parallel_rows(height, [&](int begin, int end) {
    std::vector<int> shade(static_cast<std::size_t>(width));
    std::vector<float> line(static_cast<std::size_t>(columns));
    for (int y = begin; y < end; ++y) {
      const float* values = nearness.data();
      blend_row(values + static_cast<std::size_t>(down.first[y]) * columns,
                values + static_cast<std::size_t>(down.second[y]) * columns, down.share[y], columns,
                line.data());
      shade_row(line.data(), across.first.data(), across.second.data(), across.share.data(), width,
                shade.data());
      for (int c = 0; c < 3; ++c) {
        Byte* row = picture.data() + c * plane + static_cast<std::size_t>(y) * width;
        look_up_row(shade.data(), colours + c, width, row);
      }
    }
  });
}

STEREOCAST_MULTIVERSION
void difference_row(const Byte* __restrict left, const Byte* __restrict right, int width,
                    Byte* __restrict apart) {
  for (int x = 0; x < width; ++x) apart[x] = static_cast<Byte>(difference_of(left[x], right[x]));
}

void difference(ConstImage left, ConstImage right, Image apart) {
  const int rows = static_cast<int>(3 * left.shape(1)), width = static_cast<int>(left.shape(2));
  parallel_rows(rows, [&](int begin, int end) {
    const std::size_t at = static_cast<std::size_t>(begin) * width;
    difference_row(left.data() + at, right.data() + at, (end - begin) * width, apart.data() + at);
  });
}

void half_sphere(ConstImage picture, Array<const float, 1> column_x,
                 Array<const float, 1> column_secant, Array<const float, 1> row_y, float middle_y,
                 Image view) {
  const int side = static_cast<int>(view.shape(1));
  const int height = static_cast<int>(picture.shape(1)), width = static_cast<int>(picture.shape(2));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  const std::size_t view_plane = static_cast<std::size_t>(side) * side;
  const float *place = column_x.data(), *secant = column_secant.data();
  // Column places grow with the column, so the picture lies between two of them.
  const float low = -0.5f, high = static_cast<float>(width) - 0.5f;
  const int first = static_cast<int>(std::lower_bound(place, place + side, low) - place);
  const int last = static_cast<int>(std::lower_bound(place, place + side, high) - place);
  parallel_rows(side, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      Byte* row = view.data() + static_cast<std::size_t>(y) * side;
      const float row_place = row_y.data()[y];
      for (int c = 0; c < 3; ++c) std::memset(row + c * view_plane, 0, side);
      for (int x = first; x < last; ++x) {
        const float source_y = row_place * secant[x] + middle_y;
        if (!lies_inside(source_y, height)) continue;
        const Taps taps = taps_at(place[x], source_y, width, height);
        for (int c = 0; c < 3; ++c) {
          row[c * view_plane + x] = static_cast<Byte>(sample(picture.data() + c * plane, taps));
        }
      }
    }
  });
}

}  // namespace

void bind_formats(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("anaglyph", &anaglyph, release);
  module.def("depth_picture", &depth_picture, release);
  module.def("difference", &difference, release);
  module.def("half_sphere", &half_sphere, release);
}

}  // namespace stereocast
