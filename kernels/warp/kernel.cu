// Forward warp of one picture into the views of several eyes, in one launch.
//
// One block of 256 threads makes one row of one eye: grid (height, eyes), and 8 bytes of dynamic
// shared memory per view column (30 KiB for 3840; above 48 KiB, 6144 columns, the kernel must be
// allowed more, up to 99 KiB or 12672 columns). A thread draws every 256th segment of the row; what
// wins a target is the maximum of packed keys, so the order does not matter; then it samples every
// 256th target. image [3, height, width], disparity [height, width], gains [eyes] in device memory,
// views [eyes, 3, height, view_width], view_disparities [eyes, height, view_width], where
// view_width is width, or (width + 1) / 2 at half width. Per view pixel and eye: 4 bytes of
// disparity and about 6 of colour are read (12 of float colours: 24), 4 + 3 + 1 (4 + 12 + 1) are
// written.
#include "portable.h"
#include "warp/math.h"

namespace {

using namespace stereocast::warp;

__device__ float stored(float value, float) { return value; }
__device__ unsigned char stored(float value, unsigned char) {
  return static_cast<unsigned char>(static_cast<int>(value + 0.5f));
}

template <typename T>
struct Eye {
  const T* image;  // the source row of the first plane
  const float* disparity;
  T* view;
  float* view_disparity;
  unsigned char* holes;
  size_t plane, view_plane;
  int width, view_width, half_width;
};

// An eye of gain 0 is the source itself.
template <typename T>
__device__ void copy(const Eye<T>& eye) {
  for (int x = threadIdx.x; x < eye.view_width; x += blockDim.x) {
    const int first = eye.half_width ? 2 * x : x;
    const int second = eye.half_width ? min(2 * x + 1, eye.width - 1) : x;
    for (int c = 0; c < 3; ++c) {
      const T* row = eye.image + c * eye.plane;
      const float mean = 0.5f * (static_cast<float>(row[first]) + static_cast<float>(row[second]));
      eye.view[c * eye.view_plane + x] = eye.half_width ? stored(mean, T{}) : row[x];
    }
    eye.holes[x] = 0;
    eye.view_disparity[x] =
        eye.half_width ? (eye.disparity[first] + eye.disparity[second]) * 0.25f : eye.disparity[x];
  }
}

template <typename T>
__device__ void draw_row(const Eye<T>& eye, const Grid& grid, float gain, float tear, Key* winner) {
  const auto land = [winner](int target, Key key) { atomicMax(&winner[target], key); };
  const float* disparity = eye.disparity;
  const int last = eye.width - 1;
  for (int x = threadIdx.x; x < last; x += blockDim.x) {
    const float begin = grid.target(static_cast<float>(x), gain, disparity[x]);
    const float end = grid.target(static_cast<float>(x + 1), gain, disparity[x + 1]);
    draw_between(x, begin, end, disparity[x], disparity[x + 1], grid, tear, eye.view_width, land);
  }
  if (threadIdx.x == 0) {
    const float begin = grid.target(0.0f, gain, disparity[0]);
    const float end = grid.target(static_cast<float>(last), gain, disparity[last]);
    draw_beyond(0, begin, disparity[0], -1, grid, eye.view_width, land);
    draw_beyond(last, end, disparity[last], 1, grid, eye.view_width, land);
  }
}

template <typename T>
__device__ void sample_row(const Eye<T>& eye, const Grid& grid, const Key* winner) {
  for (int x = threadIdx.x; x < eye.view_width; x += blockDim.x) {
    const Key key = winner[x];
    const bool open = key == kNothing;
    const float column = open ? 0.0f : column_of(key) + (eye.half_width ? 0.5f : 0.0f);
    const int left = static_cast<int>(column);
    const float share = column - static_cast<float>(left);
    for (int c = 0; c < 3; ++c) {
      const auto at = [&](int step) {
        const int source = min(max(left + step, 0), eye.width - 1);
        return static_cast<float>(eye.image[c * eye.plane + source]);
      };
      const float value =
          eye.half_width ? sample_pair(at(-1), at(0), at(1), share) : sample(at(0), at(1), share);
      eye.view[c * eye.view_plane + x] = open ? T{} : stored(value, T{});
    }
    eye.holes[x] = open;
    eye.view_disparity[x] = disparity_of(key) * grid.scale;
  }
}

template <typename T>
__device__ void warp_row(const T* image, const float* disparity, const float* gains, float tear,
                         int half_width, int width, T* views, float* view_disparities,
                         unsigned char* holes, Key* winner) {
  const size_t height = gridDim.x, y = blockIdx.x, number = blockIdx.y;
  Eye<T> eye;
  eye.width = width;
  eye.half_width = half_width;
  eye.view_width = half_width ? (width + 1) / 2 : width;
  eye.plane = height * width;
  eye.view_plane = height * eye.view_width;
  eye.image = image + y * width;
  eye.disparity = disparity + y * width;
  eye.view = views + 3 * number * eye.view_plane + y * eye.view_width;
  eye.view_disparity = view_disparities + number * eye.view_plane + y * eye.view_width;
  eye.holes = holes + number * eye.view_plane + y * eye.view_width;
  const float gain = gains[number];
  if (gain == 0.0f) {
    copy(eye);
    return;
  }
  const Grid grid = grid_of(half_width != 0);
  for (int x = threadIdx.x; x < eye.view_width; x += blockDim.x) winner[x] = kNothing;
  __syncthreads();
  draw_row(eye, grid, gain, tear, winner);
  __syncthreads();
  sample_row(eye, grid, winner);
}

}  // namespace

extern "C" __global__ void stereocast_warp_eyes_u8(const unsigned char* image,
                                                   const float* disparity, const float* gains,
                                                   float tear, int half_width, int width,
                                                   unsigned char* views, float* view_disparities,
                                                   unsigned char* holes) {
  extern __shared__ unsigned long long winner[];
  warp_row(image, disparity, gains, tear, half_width, width, views, view_disparities, holes,
           winner);
}

extern "C" __global__ void stereocast_warp_eyes_f32(const float* image, const float* disparity,
                                                    const float* gains, float tear, int half_width,
                                                    int width, float* views,
                                                    float* view_disparities, unsigned char* holes) {
  extern __shared__ unsigned long long winner[];
  warp_row(image, disparity, gains, tear, half_width, width, views, view_disparities, holes,
           winner);
}
