// The background memory on the GPU; what it means is in __init__.py, and reference.py defines it.
//
// stereocast_memory_remember: one block of 16×16 threads per tile, one thread per pixel; the block
//   shares the disparities of its tile and 4 pixels around it. Reads image 3, disparity 4 and plate
//   9 bytes per pixel, writes 9 and one int per tile.
// stereocast_memory_recall: one block of 256 threads per row, which shares the row's disparity
//   (dynamic shared memory: 4 bytes per column) before any hole of it is written. Reads 4 bytes per
//   pixel, and about 11 per hole.
// stereocast_memory_settle: one thread per pixel.
// All planes are [H, W] and contiguous, pictures [3, H, W].
#include "memory/math.h"
#include "portable.h"

namespace memory = stereocast::memory;

namespace {

__device__ bool is_lost(const int* mismatch, int row, int column, int down, int across) {
  int sum = 0;
  for (int j = row - 1; j <= row + 1; ++j) {
    for (int i = column - 1; i <= column + 1; ++i) {
      if (j >= 0 && j < down && i >= 0 && i < across) sum += mismatch[j * across + i];
    }
  }
  return sum > 0;
}

__device__ int grey_at(const unsigned char* picture, int at, int area) {
  return memory::grey(picture[at], picture[at + area], picture[at + 2 * area]);
}

// One row of the plate, in columns of the picture.
struct PlateRow {
  const unsigned char *colour, *age, *steady;
  const float* depth;
  const int* mismatch;
  int width, origin, tile_row, down, across;

  __device__ int column(int x) const {
    return x + origin < width ? x + origin : x + origin - width;
  }
  __device__ bool known(int x) const {
    const int at = column(x);
    return age[at] != memory::kNothing && steady[at] == memory::kSteady &&
           !is_lost(mismatch, tile_row, x / memory::kTile, down, across);
  }
  __device__ bool fits(int x, float behind, float allowed) const {
    return known(x) && fabsf(depth[column(x)] - behind) <= allowed;
  }
};

__device__ float look_up(const PlateRow& plate, float target, float gain, float behind,
                         float allowed) {
  const float last = static_cast<float>(plate.width - 1);
  float found = behind;
  for (int round = 0; round < memory::kRounds; ++round) {
    const float source = fminf(fmaxf(target - gain * found, 0.0f), last);
    const int nearest = static_cast<int>(source + 0.5f);
    found = plate.fits(nearest, behind, allowed) ? plate.depth[plate.column(nearest)] : behind;
  }
  return found;
}

}  // namespace

// where: origin x and y, shift x and y, trust, slack
extern "C" __global__ void stereocast_memory_remember(
    const unsigned char* image, const float* disparity, const int* where, int height, int width,
    float tolerance, int age_limit, unsigned char* colour, float* depth, unsigned char* age,
    unsigned char* steady, const int* mismatch, int* new_mismatch) {
  constexpr int kSide = memory::kTile + 2 * memory::kGuard;
  __shared__ float around[kSide * kSide];
  __shared__ int total;
  const int column = threadIdx.x, row = threadIdx.y;
  const int left = blockIdx.x * memory::kTile - memory::kGuard;
  const int top = blockIdx.y * memory::kTile - memory::kGuard;
  const int thread = row * memory::kTile + column;
  for (int n = thread; n < kSide * kSide; n += memory::kTile * memory::kTile) {
    const int x = min(max(left + n % kSide, 0), width - 1);
    const int y = min(max(top + n / kSide, 0), height - 1);
    around[n] = disparity[y * width + x];
  }
  if (thread == 0) total = 0;
  __syncthreads();
  const int x = left + memory::kGuard + column, y = top + memory::kGuard + row;
  if (x < width && y < height) {
    float nearest = around[row * kSide + column];
    for (int j = 0; j <= 2 * memory::kGuard; ++j) {
      for (int i = 0; i <= 2 * memory::kGuard; ++i) {
        nearest = fmaxf(nearest, around[(row + j) * kSide + column + i]);
      }
    }
    const int area = height * width, at = y * width + x;
    const int plate = (y + where[1]) % height * width + (x + where[0]) % width;
    const int from_x = x + where[2], from_y = y + where[3];
    const bool inside = from_x >= 0 && from_x < width && from_y >= 0 && from_y < height;
    const bool valid = age[plate] < age_limit && where[4] != 0 && inside;
    const float same_px = memory::kSame * tolerance;
    const float seen = disparity[at], old = depth[plate];
    const bool clean = seen >= nearest - memory::kGuardStep;
    const bool same = valid && clean && fabsf(seen - old) <= same_px;
    const bool take = clean && (!valid || seen <= old + same_px);
    const int now = grey_at(image, at, area);
    const int beside = x + 1 < width ? grey_at(image, at + 1, area) : now;
    const int worse = memory::mismatch(memory::absolute(now - grey_at(colour, plate, area)),
                                       memory::absolute(now - beside), where[5]);
    const bool lost = is_lost(mismatch, blockIdx.y, blockIdx.x, gridDim.y, gridDim.x);
    if (same) atomicAdd(&total, worse);
    if (take) {
      const bool rests = same && worse <= 0;
      steady[plate] = rests ? min(steady[plate] + 1, memory::kSteady) : 0;
      age[plate] = 0;
      depth[plate] = seen;
      for (int c = 0; c < 3 && !rests; ++c) colour[c * area + plate] = image[c * area + at];
    } else {
      age[plate] = valid && !lost ? age[plate] + 1 : memory::kNothing;
    }
  }
  __syncthreads();
  if (thread == 0) new_mismatch[blockIdx.y * gridDim.x + blockIdx.x] = total;
}

extern "C" __global__ void stereocast_memory_recall(
    const unsigned char* colour, const float* depth, const unsigned char* age,
    const unsigned char* steady, const int* mismatch, const int* origin, const float* gain,
    int height, int width, float tolerance, unsigned char* view, float* disparity) {
  extern __shared__ float row[];
  const float kNone = __int_as_float(0x7f800000);
  const int y = blockIdx.x, area = height * width;
  for (int x = threadIdx.x; x < width; x += blockDim.x) row[x] = disparity[y * width + x];
  __syncthreads();
  const int first = (y + origin[1]) % height * width;
  const PlateRow plate{colour + first,
                       age + first,
                       steady + first,
                       depth + first,
                       mismatch,
                       width,
                       origin[0],
                       y / memory::kTile,
                       (height + memory::kTile - 1) / memory::kTile,
                       (width + memory::kTile - 1) / memory::kTile};
  for (int x = threadIdx.x; x < width; x += blockDim.x) {
    if (row[x] != -kNone) continue;
    int before = x - 1, after = x + 1;
    while (before >= 0 && row[before] == -kNone) --before;
    while (after < width && row[after] == -kNone) ++after;
    const float left = before >= 0 ? row[before] : kNone;
    const float right = after < width ? row[after] : kNone;
    const float behind = left <= right ? left : right;
    if (behind == kNone) continue;
    const float away = static_cast<float>(left <= right ? x - before : after - x);
    const float allowed = tolerance + memory::kSlant * away;
    const float found = look_up(plate, static_cast<float>(x), gain[0], behind, allowed);
    const float source = static_cast<float>(x) - gain[0] * found;
    if (!(source >= 0.0f && source <= static_cast<float>(width - 1))) continue;
    const int begin = static_cast<int>(source), end = min(begin + 1, width - 1);
    if (!plate.fits(begin, behind, allowed) || !plate.fits(end, behind, allowed)) continue;
    const float share = source - static_cast<float>(begin);
    for (int c = 0; c < 3; ++c) {
      const float from = plate.colour[c * area + plate.column(begin)];
      const float to = plate.colour[c * area + plate.column(end)];
      const float value = from + share * (to - from) + 0.5f;
      view[c * area + y * width + x] = static_cast<unsigned char>(static_cast<int>(value));
    }
    disparity[y * width + x] = found;
  }
}

// One thread per pixel; reads 2 bytes per pixel and 6 per hole, writes 1 and 6. resting: one byte.
extern "C" __global__ void stereocast_memory_settle(unsigned char* view, const unsigned char* holes,
                                                    const unsigned char* resting, int area,
                                                    unsigned char* kept,
                                                    unsigned char* kept_holes) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n >= area) return;
  if (holes[n]) {
    int difference = 0;
    for (int c = 0; c < 3; ++c) {
      difference += memory::absolute(view[c * area + n] - kept[c * area + n]);
    }
    const bool alike = kept_holes[n] && *resting && difference < memory::kUnlike;
    for (int c = 0; c < 3; ++c) {
      const int at = c * area + n;
      if (alike) view[at] = static_cast<unsigned char>(memory::settled(kept[at], view[at]));
      kept[at] = view[at];
    }
  }
  kept_holes[n] = holes[n];
}
