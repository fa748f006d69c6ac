// Block matching and re-projection on the GPU; __init__.py says what they mean, reference.py
// defines them. Pictures are continued beyond their edges by clamping coordinates.
//
// A match is, for either picture: grey, halve, halve; then search (quarter level), refine (half
// level), refine and errors (full level), rest, write. One thread per pixel or cell, blocks of 256,
// but search: one block of 64 threads per quarter-level pixel. Vectors are two ints per cell, x and
// y interleaved; those of refine at the full level are in sixteenths. Grey planes are bytes.
// Traffic is about 6 bytes per pixel and picture; the time goes into the block differences, out of
// L1.
#include "flow/math.h"
#include "portable.h"

namespace flow = stereocast::flow;

namespace {

__device__ int thread_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

struct Plane {
  const unsigned char* bytes;
  int height, width;

  __device__ int at(int y, int x) const {
    return bytes[flow::clamp(y, 0, height - 1) * width + flow::clamp(x, 0, width - 1)];
  }
};

// Not inlined: it has ten callers, and the calls cost nothing beside 64 differences.
__device__ __noinline__ int block_cost(Plane before, Plane now, int x, int y, int dx, int dy) {
  int sum = 0;
  for (int j = y - flow::kBefore; j < y - flow::kBefore + flow::kBlock; ++j) {
    for (int i = x - flow::kBefore; i < x - flow::kBefore + flow::kBlock; ++i) {
      sum += flow::absolute(now.at(j, i) - before.at(j + dy, i + dx));
    }
  }
  return sum;
}

struct Best {
  int x, y, cost;

  __device__ void offer(Plane before, Plane now, int column, int row, int dx, int dy) {
    const int other = block_cost(before, now, column, row, dx, dy);
    if (other < cost) {
      x = dx;
      y = dy;
      cost = other;
    }
  }
};

template <typename T>
__device__ int byte_of(T value);
template <>
__device__ int byte_of(unsigned char value) {
  return value;
}
template <>
__device__ int byte_of(float value) {
  return flow::to_byte(value);
}

template <typename T>
__device__ void to_grey(const T* picture, int channels, int area, unsigned char* grey) {
  const int n = thread_index();
  if (n >= area) return;
  const int red = byte_of(picture[n]);
  grey[n] = static_cast<unsigned char>(
      channels == 1 ? red
                    : flow::grey(red, byte_of(picture[n + area]), byte_of(picture[n + 2 * area])));
}

__device__ float lerp(float first, float second, float share) {
  return first + share * (second - first);
}

__device__ void store(float value, float* out) { *out = value; }
__device__ void store(float value, unsigned char* out) {
  *out = static_cast<unsigned char>(static_cast<int>(value + 0.5f));
}

template <typename T>
__device__ void reproject(const T* values, const float* vectors, int channels, int height,
                          int width, int scale, T* moved, unsigned char* inside) {
  const int n = thread_index();
  if (n >= height * width) return;
  const int x = n % width, y = n / width;
  const int across = (width + scale - 1) / scale, down = (height + scale - 1) / scale;
  const int cell = y / scale * across + x / scale;
  const float last_x = static_cast<float>(width - 1), last_y = static_cast<float>(height - 1);
  float from_x = static_cast<float>(x) + vectors[cell];
  float from_y = static_cast<float>(y) + vectors[cell + across * down];
  inside[n] = from_x >= 0.0f && from_x <= last_x && from_y >= 0.0f && from_y <= last_y;
  from_x = fminf(fmaxf(from_x, 0.0f), last_x);
  from_y = fminf(fmaxf(from_y, 0.0f), last_y);
  const int left = static_cast<int>(from_x), top = static_cast<int>(from_y);
  const float share_x = from_x - static_cast<float>(left);
  const float share_y = from_y - static_cast<float>(top);
  const int right = min(left + 1, width - 1), bottom = min(top + 1, height - 1);
  for (int c = 0; c < channels; ++c) {
    const T* plane = values + c * height * width;
    const float upper = lerp(plane[top * width + left], plane[top * width + right], share_x);
    const float lower = lerp(plane[bottom * width + left], plane[bottom * width + right], share_x);
    store(lerp(upper, lower, share_y), moved + c * height * width + n);
  }
}

}  // namespace

extern "C" __global__ void stereocast_flow_grey_u8(const unsigned char* picture, int channels,
                                                   int area, unsigned char* grey) {
  to_grey(picture, channels, area, grey);
}

extern "C" __global__ void stereocast_flow_grey_f32(const float* picture, int channels, int area,
                                                    unsigned char* grey) {
  to_grey(picture, channels, area, grey);
}

// half is [(height + 1) / 2, (width + 1) / 2]
extern "C" __global__ void stereocast_flow_halve(const unsigned char* full, int height, int width,
                                                 unsigned char* half) {
  const int across = (width + 1) / 2, n = thread_index();
  if (n >= across * ((height + 1) / 2)) return;
  const Plane plane{full, height, width};
  const int x = n % across * 2, y = n / across * 2;
  const int sum = plane.at(y, x) + plane.at(y, x + 1) + plane.at(y + 1, x) + plane.at(y + 1, x + 1);
  half[n] = static_cast<unsigned char>((sum + 2) >> 2);
}

// One block per pixel. Of equal costs the displacement wins that is shorter, then upper, then left:
// cost, squared length and place in one key of 16 + 8 + 5 + 5 bits.
extern "C" __global__ void stereocast_flow_search(const unsigned char* previous,
                                                  const unsigned char* current, int height,
                                                  int width, int* vectors) {
  __shared__ unsigned long long best;
  const Plane before{previous, height, width}, now{current, height, width};
  const int x = blockIdx.x % width, y = blockIdx.x / width;
  if (threadIdx.x == 0) best = ~0ull;
  __syncthreads();
  constexpr int kSide = 2 * flow::kSearch + 1;
  for (int n = threadIdx.x; n < kSide * kSide; n += blockDim.x) {
    const int dx = n % kSide - flow::kSearch, dy = n / kSide - flow::kSearch;
    const int cost = block_cost(before, now, x, y, dx, dy) +
                     flow::kStepCost * (flow::absolute(dx) + flow::absolute(dy));
    const unsigned long long order = static_cast<unsigned>(dx * dx + dy * dy) << 10 |
                                     (dy + flow::kSearch) << 5 | (dx + flow::kSearch);
    atomicMin(&best, static_cast<unsigned long long>(cost) << 32 | order);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    vectors[2 * blockIdx.x] = static_cast<int>(best & 31) - flow::kSearch;
    vectors[2 * blockIdx.x + 1] = static_cast<int>(best >> 5 & 31) - flow::kSearch;
  }
}

// One cell every `stride` pixels; `above` is the next coarser field, `ratio` cells of this one to
// one of its. finish: also find the sub-pixel part and write sixteenths.
extern "C" __global__ void stereocast_flow_refine(const unsigned char* previous,
                                                  const unsigned char* current, int height,
                                                  int width, int stride, const int* above,
                                                  int above_height, int above_width, int ratio,
                                                  int finish, int* vectors) {
  const int across = (width + stride - 1) / stride, down = (height + stride - 1) / stride;
  const int n = thread_index();
  if (n >= across * down) return;
  const Plane before{previous, height, width}, now{current, height, width};
  const int column = n % across, row = n / across, x = column * stride, y = row * stride;
  const int reach = finish ? flow::kFullReach : flow::kHalfReach;
  Best best{0, 0, block_cost(before, now, x, y, 0, 0)};
  for (int k = 0; k < flow::kCandidates - 1; ++k) {
    const int i = column / ratio + (k == 1 ? -reach : k == 2 ? reach : 0);
    const int j = row / ratio + (k == 3 ? -reach : k == 4 ? reach : 0);
    const int parent =
        flow::clamp(j, 0, above_height - 1) * above_width + flow::clamp(i, 0, above_width - 1);
    best.offer(before, now, x, y, 2 * above[2 * parent], 2 * above[2 * parent + 1]);
  }
  const int centre_x = best.x, centre_y = best.y;
  for (int k = 0; k < flow::kRing; ++k) {
    best.offer(before, now, x, y, centre_x + flow::ring_x(k), centre_y + flow::ring_y(k));
  }
  int out_x = best.x, out_y = best.y;
  if (finish) {
    out_x = best.x * flow::kSubpixel +
            flow::vertex(block_cost(before, now, x, y, best.x - 1, best.y), best.cost,
                         block_cost(before, now, x, y, best.x + 1, best.y));
    out_y = best.y * flow::kSubpixel +
            flow::vertex(block_cost(before, now, x, y, best.x, best.y - 1), best.cost,
                         block_cost(before, now, x, y, best.x, best.y + 1));
  }
  vectors[2 * n] = out_x;
  vectors[2 * n + 1] = out_y;
}

// How much worse rest explains each cell's four pixels than its vector does.
extern "C" __global__ void stereocast_flow_errors(const unsigned char* previous,
                                                  const unsigned char* current, int height,
                                                  int width, const int* vectors, int* excess) {
  const int across = (width + 1) / 2, n = thread_index();
  if (n >= across * ((height + 1) / 2)) return;
  const Plane before{previous, height, width}, now{current, height, width};
  const int dx = vectors[2 * n], dy = vectors[2 * n + 1];
  int sum = 0;
  for (int k = 0; k < 4; ++k) {
    const int x = n % across * 2 + (k & 1), y = n / across * 2 + (k >> 1);
    const int i = x + (dx >> 4), j = y + (dy >> 4), here = now.at(y, x);
    const int moved = flow::mix(before.at(j, i), before.at(j, i + 1), before.at(j + 1, i),
                                before.at(j + 1, i + 1), dx & 15, dy & 15);
    sum += flow::absolute(before.at(y, x) - here) - flow::absolute(moved - here);
  }
  excess[n] = sum;
}

extern "C" __global__ void stereocast_flow_rest(const int* excess, int down, int across, int gate,
                                                unsigned char* resting) {
  const int n = thread_index();
  if (n >= down * across) return;
  int sum = 0;
  for (int j = -flow::kBox; j <= flow::kBox; ++j) {
    for (int i = -flow::kBox; i <= flow::kBox; ++i) {
      sum += excess[flow::clamp(n / across + j, 0, down - 1) * across +
                    flow::clamp(n % across + i, 0, across - 1)];
    }
  }
  resting[n] = sum < gate;
}

// A cell rests if all cells around it that exist do.
extern "C" __global__ void stereocast_flow_write(const int* vectors, const unsigned char* resting,
                                                 int down, int across, float* out) {
  const int n = thread_index();
  if (n >= down * across) return;
  bool rests = true;
  for (int j = -1; j <= 1; ++j) {
    for (int i = -1; i <= 1; ++i) {
      rests = rests && resting[flow::clamp(n / across + j, 0, down - 1) * across +
                               flow::clamp(n % across + i, 0, across - 1)];
    }
  }
  out[n] = rests ? 0.0f : static_cast<float>(vectors[2 * n]) / flow::kSubpixel;
  out[n + down * across] = rests ? 0.0f : static_cast<float>(vectors[2 * n + 1]) / flow::kSubpixel;
}

extern "C" __global__ void stereocast_flow_reproject_u8(const unsigned char* values,
                                                        const float* vectors, int channels,
                                                        int height, int width, int scale,
                                                        unsigned char* moved,
                                                        unsigned char* inside) {
  reproject(values, vectors, channels, height, width, scale, moved, inside);
}

extern "C" __global__ void stereocast_flow_reproject_f32(const float* values, const float* vectors,
                                                         int channels, int height, int width,
                                                         int scale, float* moved,
                                                         unsigned char* inside) {
  reproject(values, vectors, channels, height, width, scale, moved, inside);
}

// Grey means of squares of `factor` pixels; one thread per square.
extern "C" __global__ void stereocast_flow_shrink(const unsigned char* picture, int height,
                                                  int width, int factor, unsigned char* small) {
  const int across = width / factor, n = thread_index(), area = height * width;
  if (n >= across * (height / factor)) return;
  int sum = 0;
  for (int k = 0; k < factor * factor; ++k) {
    const int at = (n / across * factor + k / factor) * width + n % across * factor + k % factor;
    sum += picture[at] + 2 * picture[at + area] + picture[at + 2 * area];
  }
  const int weight = 4 * factor * factor;
  small[n] = static_cast<unsigned char>((sum + weight / 2) / weight);
}
