// The hole fills. Level 1 is one launch; level 2 is 2 · levels launches, whatever the picture:
// pull_pixels, pull_cells (levels − 1 times, ever coarser), push_cells (as often, ever finer, in
// place), finish.
//
// view [3, height, width] is filled in place; holes [height, width], not 0 where open; disparity
// [height, width]. Cells are float4 (red, green, blue, weight), level n [⌈height / 2ⁿ⌉, ⌈width /
// 2ⁿ⌉]. pull_* and push_cells: one thread per cell written, block (32, 8), grid to cover the cells.
// row and finish: one block of 256 threads per row, grid (height). Bytes per pixel of a view of
// bytes: pull 3 + 1 + 4 read and 4 written, all coarser levels together about 12, finish 1 and the
// holes.
#include "fill/math.h"
#include "portable.h"

namespace {

using namespace stereocast::fill;

constexpr int kThreads = 256;

__device__ float4 scaled(float4 a, float factor) {
  return make_float4(a.x * factor, a.y * factor, a.z * factor, a.w * factor);
}
__device__ float4 sum(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

template <typename T>
__device__ float4 weighted_pixel(const T* view, const unsigned char* holes, const float* disparity,
                                 float rate, int height, int width, int y, int x) {
  if (y >= height || x >= width) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  const size_t plane = static_cast<size_t>(height) * width, i = static_cast<size_t>(y) * width + x;
  const float weight = holes[i] ? 0.0f : __int_as_float(weight_bits(disparity[i], rate));
  return make_float4(static_cast<float>(view[i]) * weight,
                     static_cast<float>(view[plane + i]) * weight,
                     static_cast<float>(view[2 * plane + i]) * weight, weight);
}

template <typename T>
__device__ void pull_pixels(const T* view, const unsigned char* holes, const float* disparity,
                            float rate, int height, int width, float4* cells) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  const int cell_width = (width + 1) / 2;
  if (x >= cell_width || y >= (height + 1) / 2) return;
  float4 column[2];
  for (int side = 0; side < 2; ++side) {
    column[side] =
        sum(weighted_pixel(view, holes, disparity, rate, height, width, 2 * y, 2 * x + side),
            weighted_pixel(view, holes, disparity, rate, height, width, 2 * y + 1, 2 * x + side));
  }
  cells[static_cast<size_t>(y) * cell_width + x] = scaled(sum(column[0], column[1]), 0.25f);
}

// What a finer cell or pixel at (y, x) reads from coarse cells [height, width].
__device__ float4 read_coarse(const float4* coarse, int height, int width, int y, int x) {
  const float4* row = coarse + static_cast<size_t>(parent(y)) * width;
  const float4* second_row = coarse + static_cast<size_t>(second_parent(y, height)) * width;
  const int nearest = parent(x), second = second_parent(x, width);
  const float4 here = sum(scaled(row[nearest], kNear), scaled(second_row[nearest], kFar));
  const float4 there = sum(scaled(row[second], kNear), scaled(second_row[second], kFar));
  return sum(scaled(here, kNear), scaled(there, kFar));
}

// The columns with colour nearest to this thread's share of a row: before it, and after it.
struct Around {
  int before, after;
};

// Every thread owns `share` columns in a row. All threads of the block must call this.
__device__ Around look_around(const unsigned char* holes, int width, int share, int* last,
                              int* first) {
  const int t = threadIdx.x, begin = t * share, end = min(begin + share, width);
  int own_last = -1, own_first = width;
  for (int x = begin; x < end; ++x) {
    if (holes[x]) continue;
    own_last = x;
    own_first = min(own_first, x);
  }
  last[t] = own_last;
  first[t] = own_first;
  for (int reach = 1; reach < kThreads; reach *= 2) {
    __syncthreads();
    const int before = t >= reach ? last[t - reach] : -1;
    const int after = t + reach < kThreads ? first[t + reach] : width;
    __syncthreads();
    last[t] = max(last[t], before);
    first[t] = min(first[t], after);
  }
  __syncthreads();
  return {t > 0 ? last[t - 1] : -1, t + 1 < kThreads ? first[t + 1] : width};
}

// Calls body(x, run) for every hole of this thread's share of a row.
template <typename Body>
__device__ void for_each_hole(const unsigned char* holes, const float* disparity, int width,
                              const Body& body) {
  __shared__ int last[kThreads], first[kThreads];
  const int share = (width + kThreads - 1) / kThreads;
  const Around around = look_around(holes, width, share, last, first);
  const int begin = threadIdx.x * share, end = min(begin + share, width);
  int left = around.before;
  for (int x = begin; x < end;) {
    if (!holes[x]) {
      left = x++;
      continue;
    }
    int stop = x;
    while (stop < end && holes[stop]) ++stop;
    const int right = stop < end ? stop : around.after;
    const Run run{left + 1,
                  right,
                  left >= 0 ? disparity[left] : 0.0f,
                  right < width ? disparity[right] : 0.0f,
                  left >= 0,
                  right < width};
    for (; x < stop; ++x) body(x, run);
  }
}

template <typename T>
__device__ T from_row(const T* row, const Run& run, int x, int narrow) {
  const T left = run.has_left ? row[run.begin - 1] : T{};
  const T right = run.has_right ? row[run.end] : T{};
  return level_one(source_of(run, narrow), left, right, row[x], x - run.begin + 1,
                   run.end - run.begin + 1);
}

template <typename T>
__device__ void fill_row(T* view, const unsigned char* holes, const float* disparity, int narrow,
                         int width) {
  const size_t offset = static_cast<size_t>(blockIdx.x) * width;
  const size_t plane = static_cast<size_t>(gridDim.x) * width;
  for_each_hole(holes + offset, disparity + offset, width, [&](int x, const Run& run) {
    for (int c = 0; c < 3; ++c) {
      T* row = view + c * plane + offset;
      row[x] = from_row(row, run, x, narrow);
    }
  });
}

template <typename T>
__device__ void finish_row(T* view, const unsigned char* holes, const float* disparity,
                           const float4* cells, int narrow, float row_share, float feather,
                           int width) {
  const int y = blockIdx.x, height = gridDim.x;
  const size_t offset = static_cast<size_t>(y) * width, plane = static_cast<size_t>(height) * width;
  for_each_hole(holes + offset, disparity + offset, width, [&](int x, const Run& run) {
    const float4 around = read_coarse(cells, (height + 1) / 2, (width + 1) / 2, y, x);
    const float channel[3] = {around.x, around.y, around.z}, share = 1.0f / around.w;
    for (int c = 0; c < 3; ++c) {
      T* row = view + c * plane + offset;
      const T own = from_row(row, run, x, narrow);
      if (is_narrow(run, narrow)) {
        row[x] = own;
        continue;
      }
      float value = around.w > 0.0f ? channel[c] * share : static_cast<float>(own);
      value = lean(value, static_cast<float>(own), row_share);
      if (run.has_left && x == run.begin) {
        value = lean(value, static_cast<float>(row[x - 1]), feather);
      }
      if (run.has_right && x == run.end - 1) {
        value = lean(value, static_cast<float>(row[x + 1]), feather);
      }
      store(value, row + x);
    }
  });
}

}  // namespace

extern "C" __global__ void stereocast_fill_row_u8(unsigned char* view, const unsigned char* holes,
                                                  const float* disparity, int narrow, int width) {
  fill_row(view, holes, disparity, narrow, width);
}

extern "C" __global__ void stereocast_fill_row_f32(float* view, const unsigned char* holes,
                                                   const float* disparity, int narrow, int width) {
  fill_row(view, holes, disparity, narrow, width);
}

extern "C" __global__ void stereocast_fill_pull_pixels_u8(const unsigned char* view,
                                                          const unsigned char* holes,
                                                          const float* disparity, float rate,
                                                          int height, int width, float4* cells) {
  pull_pixels(view, holes, disparity, rate, height, width, cells);
}

extern "C" __global__ void stereocast_fill_pull_pixels_f32(const float* view,
                                                           const unsigned char* holes,
                                                           const float* disparity, float rate,
                                                           int height, int width, float4* cells) {
  pull_pixels(view, holes, disparity, rate, height, width, cells);
}

// From fine [height, width] to cells of half the size.
extern "C" __global__ void stereocast_fill_pull_cells(const float4* fine, int height, int width,
                                                      float4* cells) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  const int cell_width = (width + 1) / 2;
  if (x >= cell_width || y >= (height + 1) / 2) return;
  const auto at = [&](int row, int column) {
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? fine[static_cast<size_t>(row) * width + column]
                  : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  };
  float4 column[4];
  for (int i = 0; i < 4; ++i) {
    const int from = 2 * x - 1 + i;
    column[i] = sum(scaled(sum(at(2 * y - 1, from), at(2 * y + 2, from)), kOuter),
                    scaled(sum(at(2 * y, from), at(2 * y + 1, from)), kInner));
  }
  cells[static_cast<size_t>(y) * cell_width + x] =
      sum(scaled(sum(column[0], column[3]), kOuter), scaled(sum(column[1], column[2]), kInner));
}

// Adds to fine [height, width] what the next coarser level knows.
extern "C" __global__ void stereocast_fill_push_cells(const float4* coarse, float persistence,
                                                      int height, int width, float4* fine) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  float4* cell = fine + static_cast<size_t>(y) * width + x;
  *cell =
      sum(*cell, scaled(read_coarse(coarse, (height + 1) / 2, (width + 1) / 2, y, x), persistence));
}

extern "C" __global__ void stereocast_fill_finish_u8(unsigned char* view,
                                                     const unsigned char* holes,
                                                     const float* disparity, const float4* cells,
                                                     int narrow, float row_share, float feather,
                                                     int width) {
  finish_row(view, holes, disparity, cells, narrow, row_share, feather, width);
}

extern "C" __global__ void stereocast_fill_finish_f32(float* view, const unsigned char* holes,
                                                      const float* disparity, const float4* cells,
                                                      int narrow, float row_share, float feather,
                                                      int width) {
  finish_row(view, holes, disparity, cells, narrow, row_share, feather, width);
}
