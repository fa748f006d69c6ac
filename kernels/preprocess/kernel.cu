// Decoded pictures on the GPU: planes to RGB, and area averaging to a network's grid.
//
// One thread makes one pixel; blocks of 32×8 threads. All sums are whole numbers, so that every
// form agrees bit for bit; reference.py defines them.
//   yuv      all three channels of a pixel, grid (⌈W/32⌉, ⌈H/8⌉). Bytes per pixel: 1.5 read (3 of
//            16-bit samples), 3 written. Planes may have padded rows (pitch) and their chroma
//            samples lie `chroma_step` apart: 1 in planes, 2 in the pairs of NV12 and P010.
//   network  one channel of a cell, grid (⌈w/32⌉, ⌈h/8⌉, 3). Bytes per source pixel: 3 read, once
//            from memory and its borders again from cache; 4 per cell and channel written.

namespace {

template <typename T>
__device__ void yuv(const T* y, const T* u, const T* v, int y_pitch, int chroma_pitch,
                    int chroma_step, int half_rows, int half_columns, int luma_offset,
                    int chroma_offset, int luma, int red_v, int green_u, int green_v, int blue_u,
                    int shift, int height, int width, unsigned char* rgb) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (column >= width || row >= height) return;
  const long long chroma = (long long)(half_rows ? row / 2 : row) * chroma_pitch +
                           (half_columns ? column / 2 : column) * chroma_step;
  const int cb = u[chroma] - chroma_offset, cr = v[chroma] - chroma_offset;
  const int grey = luma * (y[(long long)row * y_pitch + column] - luma_offset) + (1 << (shift - 1));
  const int colour[3] = {grey + red_v * cr, grey + green_u * cb + green_v * cr, grey + blue_u * cb};
  const long long plane = (long long)height * width, place = (long long)row * width + column;
  for (int c = 0; c < 3; ++c) {
    rgb[c * plane + place] = (unsigned char)min(max(colour[c] >> shift, 0), 255);
  }
}

}  // namespace

extern "C" __global__ void stereocast_preprocess_yuv_u8(
    const unsigned char* y, const unsigned char* u, const unsigned char* v, int y_pitch,
    int chroma_pitch, int chroma_step, int half_rows, int half_columns, int luma_offset,
    int chroma_offset, int luma, int red_v, int green_u, int green_v, int blue_u, int shift,
    int height, int width, unsigned char* rgb) {
  yuv(y, u, v, y_pitch, chroma_pitch, chroma_step, half_rows, half_columns, luma_offset,
      chroma_offset, luma, red_v, green_u, green_v, blue_u, shift, height, width, rgb);
}

extern "C" __global__ void stereocast_preprocess_yuv_u16(
    const unsigned short* y, const unsigned short* u, const unsigned short* v, int y_pitch,
    int chroma_pitch, int chroma_step, int half_rows, int half_columns, int luma_offset,
    int chroma_offset, int luma, int red_v, int green_u, int green_v, int blue_u, int shift,
    int height, int width, unsigned char* rgb) {
  yuv(y, u, v, y_pitch, chroma_pitch, chroma_step, half_rows, half_columns, luma_offset,
      chroma_offset, luma, red_v, green_u, green_v, blue_u, shift, height, width, rgb);
}

// Overlaps are counted in parts: a source sample is `target` parts long, a cell `source` parts.
__device__ inline long long overlap(long long begin, long long end, int sample, int target) {
  const long long left = (long long)sample * target;
  return min(end, left + target) - max(begin, left);
}

// cells: [3, rows, columns]
extern "C" __global__ void stereocast_preprocess_network(const unsigned char* rgb, int height,
                                                         int width, int rows, int columns,
                                                         float* cells) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  const int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (column >= columns || row >= rows) return;
  const unsigned char* picture = rgb + (long long)blockIdx.z * height * width;
  const long long top = (long long)row * height, bottom = top + height;
  const long long left = (long long)column * width, right = left + width;
  long long total = 0;
  for (int y = (int)(top / rows); (long long)y * rows < bottom; ++y) {
    long long line = 0;
    for (int x = (int)(left / columns); (long long)x * columns < right; ++x) {
      line += overlap(left, right, x, columns) * picture[(long long)y * width + x];
    }
    total += overlap(top, bottom, y, rows) * line;
  }
  const double unit = 1.0 / (255.0 * ((double)height * width));
  cells[((long long)blockIdx.z * rows + row) * columns + column] = (float)((double)total * unit);
}
