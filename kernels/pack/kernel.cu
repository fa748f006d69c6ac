// Both eyes side by side as I420, BT.709 limited range: the CUDA form of `pack_sbs`, without the
// barcode.
//
// One thread makes one 2×2 block of the packed picture: four luma samples, one blue and one red
// difference. Launch: block (32, 8), grid (⌈width/2 / 32⌉, ⌈height/2 / 8⌉), where width × height is
// the size of the packed luma plane (even). Eyes are planes [3, eye_height, eye_width]; the surface
// is luma, then blue, then red difference, each without padding. Per packed pixel 3 bytes are read
// (6 at half width) and 1.5 written. All is integer arithmetic, so it equals the reference exactly.
#include "portable.h"

// One channel of a packed pixel of one eye; the last column and row repeat.
static __device__ int sample(const unsigned char* plane, int eye_height, int eye_width, int half,
                             int y, int x) {
  const unsigned char* row = plane + (size_t)min(y, eye_height - 1) * eye_width;
  if (!half) return row[min(x, eye_width - 1)];
  const int pair = min(x, (eye_width + 1) / 2 - 1);
  return (row[2 * pair] + row[min(2 * pair + 1, eye_width - 1)] + 1) >> 1;
}

extern "C" __global__ void stereocast_pack_sbs(const unsigned char* __restrict__ left,
                                               const unsigned char* __restrict__ right,
                                               unsigned char* __restrict__ surface, int eye_height,
                                               int eye_width, int height, int width, int half) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (column >= width / 2 || row >= height / 2) return;
  const bool is_right = column >= width / 4;
  const unsigned char* eye = is_right ? right : left;
  const int begin = 2 * (is_right ? column - width / 4 : column);
  const size_t plane = (size_t)eye_height * eye_width;
  int sum[3] = {0, 0, 0};
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 2; ++x) {
      int rgb[3];
      for (int c = 0; c < 3; ++c) {
        rgb[c] = sample(eye + c * plane, eye_height, eye_width, half, 2 * row + y, begin + x);
        sum[c] += rgb[c];
      }
      const int luma = 5983 * rgb[0] + 20127 * rgb[1] + 2032 * rgb[2] + (16 << 15) + (1 << 14);
      surface[(size_t)(2 * row + y) * width + 2 * column + x] = luma >> 15;
    }
  }
  unsigned char* blue = surface + (size_t)height * width + (size_t)row * (width / 2) + column;
  const int offset = (128 << 17) + (1 << 16);
  *blue = (-3297 * sum[0] - 11095 * sum[1] + 14392 * sum[2] + offset) >> 17;
  blue[(size_t)height * width / 4] =
      (14392 * sum[0] - 13072 * sum[1] - 1320 * sum[2] + offset) >> 17;
}
