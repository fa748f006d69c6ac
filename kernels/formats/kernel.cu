// Display formats on the GPU; what a pixel becomes is in math.h.
//
// One thread makes one pixel, all three channels; blocks of 32×8 threads, grid (⌈W/32⌉, ⌈H/8⌉) over
// the picture that is made. Pictures are planar [3, H, W], rows without gaps.
// Bytes per pixel: anaglyph 6 read, 3 written (tables of 1 KiB and 16 KiB stay in cache);
// depth_picture 4 read from a grid that stays in cache, 3 written; difference 6 read, 3 written;
// half_sphere 12 read from cache (3 from memory where the picture is), 3 written.
#include "formats/math.h"

using namespace stereocast::formats;

__device__ inline Colour codes_at(const unsigned char* eye, long long plane, long long place) {
  return {eye[place], eye[plane + place], eye[2 * plane + place]};
}

__device__ inline Colour light_of(Colour codes, const int* decode) {
  return {decode[codes.red], decode[codes.green], decode[codes.blue]};
}

// matrix: 3 rows of 6 thousandths; decode: 256 entries; encode: 2^14 + 1; mode as in recipe.py.
extern "C" __global__ void stereocast_formats_anaglyph(
    const unsigned char* left, const unsigned char* right, int height, int width, int mode,
    const int* matrix, const int* decode, const unsigned char* encode, unsigned char* mixed) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const long long plane = (long long)height * width, place = (long long)y * width + x;
  Colour first = codes_at(left, plane, place), second = codes_at(right, plane, place);
  if (mode == 3) {
    mixed[place] = encode[wimmer_red(first)];
    mixed[plane + place] = (unsigned char)((lifted_green(second) + 50) / 100);
    mixed[2 * plane + place] = (unsigned char)((lifted_blue(second) + 50) / 100);
    return;
  }
  if (mode > 0) {
    first = light_of(first, decode);
    second = light_of(second, decode);
  }
  for (int c = 0; c < 3; ++c) {
    const int* row = matrix + 6 * c;
    mixed[c * plane + place] = mode == 0 ? (unsigned char)mix_coded(row, first, second)
                                         : encode[mix_linear(row, first, second, mode == 1)];
  }
}

// rows, columns: of the grid; row_scale = rows / height, column_scale = columns / width.
extern "C" __global__ void stereocast_formats_depth_picture(
    const float* nearness, int rows, int columns, float row_scale, float column_scale,
    const unsigned char* palette, int height, int width, unsigned char* picture) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const float down = axis_place(y, row_scale, rows);
  const float across = axis_place(x, column_scale, columns);
  const int top = (int)down, first = (int)across;
  const float* upper = nearness + (long long)top * columns;
  const float* lower = nearness + (long long)min(top + 1, rows - 1) * columns;
  const int second = min(first + 1, columns - 1);
  const float share = down - (float)top;
  const int shade =
      shade_of(between(between(upper[first], lower[first], share),
                       between(upper[second], lower[second], share), across - (float)first));
  const long long plane = (long long)height * width, place = (long long)y * width + x;
  for (int c = 0; c < 3; ++c) picture[c * plane + place] = palette[3 * shade + c];
}

extern "C" __global__ void stereocast_formats_difference(const unsigned char* left,
                                                         const unsigned char* right, int height,
                                                         int width, unsigned char* apart) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const long long plane = (long long)height * width, place = (long long)y * width + x;
  for (int c = 0; c < 3; ++c) {
    const long long i = c * plane + place;
    apart[i] = (unsigned char)difference_of(left[i], right[i]);
  }
}

// height, width: of the flat picture; the view is a square of `side`.
extern "C" __global__ void stereocast_formats_half_sphere(const unsigned char* picture, int height,
                                                          int width, const float* column_x,
                                                          const float* column_secant,
                                                          const float* row_y, float middle_y,
                                                          int side, unsigned char* view) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= side || y >= side) return;
  const long long plane = (long long)height * width;
  const long long view_plane = (long long)side * side, place = (long long)y * side + x;
  const float source_x = column_x[x];
  const float source_y = row_y[y] * column_secant[x] + middle_y;
  if (!lies_inside(source_x, width) || !lies_inside(source_y, height)) {
    for (int c = 0; c < 3; ++c) view[c * view_plane + place] = 0;
    return;
  }
  const Taps taps = taps_at(source_x, source_y, width, height);
  for (int c = 0; c < 3; ++c) {
    view[c * view_plane + place] = (unsigned char)sample(picture + c * plane, taps);
  }
}
