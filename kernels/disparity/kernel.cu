// Silhouettes on the GPU: how soft they are (blocks, widths, median), then rows, levels, near,
// select.
//
// Planes are [H, W] float32, levels int8, near u8, pictures planar [3, H, W] u8, no gaps anywhere.
// What changes from frame to frame, the softness, is read from the device.
//   blocks, widths        one thread per block of the map, 256 per CTA
//   median                one CTA of 256 threads
//   rows                  one CTA of 256 threads per 256 pixels of a row, grid (⌈W/256⌉, H)
//   levels, near, select  one thread per pixel, 32×8 per CTA, grid (⌈W/32⌉, ⌈H/8⌉)
// Bytes per pixel: softness 4 read; rows 4 read (less from a grid), 12 written; levels 12 read
// (windows overlap in cache), 9 written; near 12 read, 1 written; select 13 read, 4 written. 71 in
// all, most of them through planes that fit the second-level cache at 1080p.
#include "disparity/math.h"

using namespace stereocast::disparity;

constexpr int kThreads = 256;
constexpr int kMostReach = 16;

// planes: nearest, farthest and steepest of every block, [3, rows, columns].
extern "C" __global__ void stereocast_disparity_blocks(const float* disparity, int height,
                                                       int width, int block, int rows, int columns,
                                                       float* planes) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= rows * columns) return;
  const int top = i / columns * block, left = i % columns * block;
  float nearest = disparity[(long long)top * width + left], farthest = nearest, steepest = 0.0f;
  for (int y = top; y < top + block; ++y) {
    for (int x = left; x < left + block; ++x) {
      const float* at = disparity + (long long)y * width + x;
      const float value = *at;
      nearest = fmaxf(nearest, value);
      farthest = fminf(farthest, value);
      if (x + 1 < width) steepest = fmaxf(steepest, fabsf(at[1] - value));
      if (y + 1 < height) steepest = fmaxf(steepest, fabsf(at[width] - value));
    }
  }
  planes[i] = nearest;
  planes[rows * columns + i] = farthest;
  planes[2 * rows * columns + i] = steepest;
}

// widths: of the ramp on which the 3 × 3 blocks around every block are centred, else infinity.
extern "C" __global__ void stereocast_disparity_widths(const float* planes, int block, int rows,
                                                       int columns, float* widths) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const int count = rows * columns;
  if (i >= count) return;
  const int row = i / columns, column = i % columns;
  const float infinity = __int_as_float(0x7f800000), own = planes[2 * count + i];
  if (row == 0 || column == 0 || row + 1 == rows || column + 1 == columns) {
    widths[i] = infinity;
    return;
  }
  float nearest = planes[i], farthest = planes[count + i], steepest = own;
  for (int y = row - 1; y <= row + 1; ++y) {
    for (int x = column - 1; x <= column + 1; ++x) {
      const int at = y * columns + x;
      nearest = fmaxf(nearest, planes[at]);
      farthest = fminf(farthest, planes[count + at]);
      steepest = fmaxf(steepest, planes[2 * count + at]);
    }
  }
  widths[i] = ramp_width(nearest, farthest, steepest, own, block, infinity);
}

// softness [1]: the lower median of the finite widths. Positive floats order like their bits, so it
// is found eight bits at a time: how many candidates have which next byte?
extern "C" __global__ void stereocast_disparity_median(const float* widths, int count,
                                                       float* softness) {
  __shared__ int bins[256], finite, rank;
  __shared__ unsigned found;
  const int thread = threadIdx.x;
  if (thread == 0) {
    finite = 0;
    found = 0u;
  }
  __syncthreads();
  for (int i = thread; i < count; i += blockDim.x) {
    if (__float_as_uint(widths[i]) < 0x7f800000u) atomicAdd(&finite, 1);
  }
  __syncthreads();
  if (thread == 0) rank = (finite - 1) / 2;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bins[thread] = 0;
    __syncthreads();
    for (int i = thread; i < count; i += blockDim.x) {
      const unsigned bits = __float_as_uint(widths[i]);
      const bool candidate = shift == 24 || bits >> (shift + 8) == found >> (shift + 8);
      if (bits < 0x7f800000u && candidate) atomicAdd(&bins[bits >> shift & 255u], 1);
    }
    __syncthreads();
    if (thread == 0) {
      int bin = 0;
      while (bin < 255 && rank >= bins[bin]) rank -= bins[bin++];
      found |= (unsigned)bin << shift;
    }
    __syncthreads();
  }
  if (thread == 0) softness[0] = finite < kFewest ? 0.0f : __uint_as_float(found);
}

__device__ inline int reach_of(const float* softness, int width, int cells, float share,
                               int limit) {
  return reach_px(softness[0], (float)width / (float)cells, share, limit);
}

// A value of the map at a pixel of the picture, interpolated if the map is coarser.
__device__ inline float wide_at(const float* grid, int down, int across, int height, int width,
                                int x, int y) {
  if (down == height && across == width) return grid[(long long)y * width + x];
  const float at_y = place(y, (float)down / (float)height, down);
  const float at_x = place(x, (float)across / (float)width, across);
  const int top = (int)at_y, left = (int)at_x, right = min(left + 1, across - 1);
  const float* upper = grid + (long long)top * across;
  const float* lower = grid + (long long)min(top + 1, down - 1) * across;
  const float share = at_y - (float)top;
  const float first = upper[left] + share * (lower[left] - upper[left]);
  const float second = upper[right] + share * (lower[right] - upper[right]);
  return first + (at_x - (float)left) * (second - first);
}

// grid: [down, across]; wide, nearest, farthest: [H, W], the extremes of windows along the row.
extern "C" __global__ void stereocast_disparity_rows(const float* grid, int down, int across,
                                                     const float* softness, float reach_share,
                                                     int limit, int height, int width, float* wide,
                                                     float* nearest, float* farthest) {
  __shared__ float row[kThreads + 2 * kMostReach];
  const int reach = reach_of(softness, width, across, reach_share, limit);
  const int y = blockIdx.y, begin = blockIdx.x * kThreads;
  for (int i = threadIdx.x; i < kThreads + 2 * kMostReach; i += kThreads) {
    const int x = min(max(begin + i - kMostReach, 0), width - 1);
    row[i] = wide_at(grid, down, across, height, width, x, y);
  }
  __syncthreads();
  const int x = begin + threadIdx.x;
  if (x >= width) return;
  const float* own = row + threadIdx.x + kMostReach;
  float near = *own, far = near;
  for (int k = 1; k <= reach; ++k) {
    near = fmaxf(near, fmaxf(own[k], own[-k]));
    far = fminf(far, fminf(own[k], own[-k]));
  }
  const long long at = (long long)y * width + x;
  wide[at] = *own;
  nearest[at] = near;
  farthest[at] = far;
}

// From the extremes along rows to those of windows, and the level of every pixel between them.
extern "C" __global__ void stereocast_disparity_levels(const float* wide, const float* row_nearest,
                                                       const float* row_farthest,
                                                       const float* softness, float reach_share,
                                                       int limit, int across, float step,
                                                       int height, int width, float* nearest,
                                                       float* farthest, signed char* levels) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const int reach = reach_of(softness, width, across, reach_share, limit);
  const long long at = (long long)y * width + x;
  float near = row_nearest[at], far = row_farthest[at];
  for (int row = max(y - reach, 0); row <= min(y + reach, height - 1); ++row) {
    near = fmaxf(near, row_nearest[(long long)row * width + x]);
    far = fminf(far, row_farthest[(long long)row * width + x]);
  }
  nearest[at] = near;
  farthest[at] = far;
  levels[at] = (signed char)level(wide[at], near, far, step);
}

// Levels around a pixel, weighted by likeness of colour.
__device__ inline int votes_at(const signed char* levels, const unsigned char* image, int stride,
                               int height, int width, int x, int y) {
  const long long plane = (long long)height * width, own = (long long)y * width + x;
  int votes = 0;
  for (int down = -kTaps; down <= kTaps; ++down) {
    const long long row = (long long)min(max(y + down * stride, 0), height - 1) * width;
    for (int across = -kTaps; across <= kTaps; ++across) {
      const long long other = row + min(max(x + across * stride, 0), width - 1);
      int weight = kAlike;
      for (int c = 0; c < 3; ++c) {
        weight -= abs((int)image[c * plane + own] - (int)image[c * plane + other]);
      }
      if (weight > 0) votes += weight * levels[other];
    }
  }
  return votes;
}

// near: 1 where the near surface is seen, 0 elsewhere. image may be null: then half way up the ramp
// decides.
extern "C" __global__ void stereocast_disparity_near(const float* nearest, const float* farthest,
                                                     const signed char* levels,
                                                     const unsigned char* image,
                                                     const float* softness, float reach_share,
                                                     int limit, int across, float step, int height,
                                                     int width, unsigned char* near) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const long long at = (long long)y * width + x;
  const int own = levels[at];
  bool is_near = own >= 0;
  if (!(nearest[at] - farthest[at] > step)) {
    is_near = false;
  } else if (image && own > -kCertain && own < kCertain) {
    const int reach = reach_of(softness, width, across, reach_share, limit);
    is_near = votes_at(levels, image, tap_stride(reach), height, width, x, y) >= 0;
  }
  near[at] = is_near;
}

// What most of the rows above, here and below say.
__device__ inline bool most_say_near(const unsigned char* near, int height, int width, int x,
                                     int y) {
  const int above = near[(long long)max(y - 1, 0) * width + x];
  const int below = near[(long long)min(y + 1, height - 1) * width + x];
  return above + near[(long long)y * width + x] + below > 1;
}

extern "C" __global__ void stereocast_disparity_select(const float* wide, const float* nearest,
                                                       const float* farthest,
                                                       const unsigned char* near,
                                                       const float* softness, float reach_share,
                                                       int limit, int across, float step,
                                                       int height, int width, float* out) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const long long at = (long long)y * width + x;
  if (!(nearest[at] - farthest[at] > step)) {
    out[at] = wide[at];
    return;
  }
  const int by = widening(reach_of(softness, width, across, reach_share, limit));
  bool is_near = false;
  float side = farthest[at];
  for (int column = max(x - by, 0); column <= min(x + by, width - 1); ++column) {
    const long long beside = at + column - x;
    const bool ramp = nearest[beside] - farthest[beside] > step;
    if (!ramp || !most_say_near(near, height, width, column, y)) continue;
    side = is_near ? fmaxf(side, nearest[beside]) : nearest[beside];
    is_near = true;
  }
  out[at] = side;
}
