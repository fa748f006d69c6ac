// Pictures → one packed picture on the GPU; what a pixel becomes is in math.h.
//
// stereocast_pack: one thread makes one block of 2×2 packed pixels, so that chroma needs no second
// look; blocks of 32×8 threads, grid (⌈W/64⌉, ⌈H/16⌉) over the packed picture of H × W.
// Neighbouring threads read and write neighbouring byte pairs. Bytes per packed pixel: 3 read (6
// where squeezed by the mean, 24 from cache where sharp), 1.5 written as I420 or NV12, 3 as RGB.
//
// stereocast_pack_strip: one thread draws one pixel of the barcode of one eye; blocks of 32×8, grid
// (⌈320·scale/32⌉, 4·scale, 2). Runs after stereocast_pack; the counters come from device memory,
// because they change with every frame.
#include "pack/math.h"

using namespace stereocast::packing;

struct Picture {
  const unsigned char* data;
  int height, width, squeeze;

  __device__ int at(int channel, int y, int x) const {
    const int row = min(max(y, 0), height - 1), column = min(max(x, 0), width - 1);
    return data[((long long)channel * height + row) * width + column];
  }

  __device__ int rows() const {
    return squeeze == kHeightMean || squeeze == kHeightSharp ? (height + 1) / 2 : height;
  }
  __device__ int columns() const {
    return squeeze == kWidthMean || squeeze == kWidthSharp ? (width + 1) / 2 : width;
  }

  // The squeezed picture; beyond its last row and column these are repeated.
  __device__ int packed(int channel, int y, int x) const {
    y = min(y, rows() - 1);
    x = min(x, columns() - 1);
    switch (squeeze) {
      case kWidthMean:
        return mean_of(at(channel, y, 2 * x), at(channel, y, 2 * x + 1));
      case kHeightMean:
        return mean_of(at(channel, 2 * y, x), at(channel, 2 * y + 1, x));
      case kWidthSharp:
        return sharp_of(at(channel, y, 2 * x) + at(channel, y, 2 * x + 1),
                        at(channel, y, 2 * x - 1) + at(channel, y, 2 * x + 2),
                        at(channel, y, 2 * x - 2) + at(channel, y, 2 * x + 3),
                        at(channel, y, 2 * x - 3) + at(channel, y, 2 * x + 4));
      case kHeightSharp:
        return sharp_of(at(channel, 2 * y, x) + at(channel, 2 * y + 1, x),
                        at(channel, 2 * y - 1, x) + at(channel, 2 * y + 2, x),
                        at(channel, 2 * y - 2, x) + at(channel, 2 * y + 3, x),
                        at(channel, 2 * y - 3, x) + at(channel, 2 * y + 4, x));
    }
    return at(channel, y, x);
  }
};

// height, width: of every picture; part_height, part_width: the even room of each in the surface.
extern "C" __global__ void stereocast_pack(const unsigned char* first, const unsigned char* second,
                                           const unsigned char* third, const unsigned char* fourth,
                                           int height, int width, int columns, int rows,
                                           int part_height, int part_width, int squeeze, int pixels,
                                           unsigned char* surface) {
  const int x = 2 * (blockIdx.x * blockDim.x + threadIdx.x);
  const int y = 2 * (blockIdx.y * blockDim.y + threadIdx.y);
  const int whole_width = columns * part_width, whole_height = rows * part_height;
  if (x >= whole_width || y >= whole_height) return;
  const int part = y / part_height * columns + x / part_width;
  const Picture picture{part == 0   ? first
                        : part == 1 ? second
                        : part == 2 ? third
                                    : fourth,
                        height, width, squeeze};
  const int from_x = x % part_width, from_y = y % part_height;
  int sum[3] = {0, 0, 0};
  const long long area = (long long)whole_height * whole_width;
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      int colour[3];
      for (int c = 0; c < 3; ++c) {
        colour[c] = picture.packed(c, from_y + dy, from_x + dx);
        sum[c] += colour[c];
      }
      const long long place = (long long)(y + dy) * whole_width + x + dx;
      if (pixels == kRgb) {
        for (int c = 0; c < 3; ++c) surface[3 * place + c] = (unsigned char)colour[c];
      } else if (pixels == kPlanar) {
        for (int c = 0; c < 3; ++c) surface[c * area + place] = (unsigned char)colour[c];
      } else {
        surface[place] = (unsigned char)luma_of(colour[0], colour[1], colour[2]);
      }
    }
  }
  if (pixels != kI420 && pixels != kNv12) return;
  const int blue = blue_difference_of(sum[0], sum[1], sum[2]);
  const int red = red_difference_of(sum[0], sum[1], sum[2]);
  const long long block = (long long)(y / 2) * (whole_width / 2) + x / 2;
  const bool pairs = pixels == kNv12;
  surface[area + (pairs ? 2 * block : block)] = (unsigned char)blue;
  surface[area + (pairs ? 2 * block + 1 : area / 4 + block)] = (unsigned char)red;
}

// tops and lefts: the corner of either eye; counters: source, encoder.
extern "C" __global__ void stereocast_pack_strip(unsigned char* surface, int height, int width,
                                                 int pixels, int left_eye_top, int left_eye_left,
                                                 int right_eye_top, int right_eye_left, int scale,
                                                 const long long* counters) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (column >= kStripBits * kCellWidth * scale || row >= 2 * kCellHeight * scale) return;
  const int is_right = blockIdx.z;
  const int x = (is_right ? right_eye_left : left_eye_left) + column;
  const int y = (is_right ? right_eye_top : left_eye_top) + row;
  const unsigned long long word = strip_word(row / (kCellHeight * scale), is_right,
                                             (unsigned)counters[0], (unsigned)counters[1]);
  const bool bright = word >> (kStripBits - 1 - column / (kCellWidth * scale)) & 1u;
  const long long area = (long long)height * width, place = (long long)y * width + x;
  if (pixels == kRgb || pixels == kPlanar) {
    for (int c = 0; c < 3; ++c) {
      surface[pixels == kRgb ? 3 * place + c : c * area + place] = bright ? 255 : 0;
    }
    return;
  }
  surface[place] = bright ? 235 : 16;
  if (row % 2 || column % 2) return;
  const long long block = (long long)(y / 2) * (width / 2) + x / 2;
  const bool pairs = pixels == kNv12;
  surface[area + (pairs ? 2 * block : block)] = 128;
  surface[area + (pairs ? 2 * block + 1 : area / 4 + block)] = 128;
}
