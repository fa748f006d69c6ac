// The refiner's maps on the GPU; __init__.py says what they mean, reference.py defines them. The
// arithmetic is that of the native form: both give the same bits.
//
// Maps are [B, h, w] float32, one after the other: a thread per pixel of all maps, blocks of 256;
// for the features a thread per cell of 4×4 pixels. Bytes per pixel: picture_error 11 (its 3×3
// neighbourhood comes out of L1), confidence 16, predict 28, bound 12, fuse 37 (45 with a
// correction), features 28 and 36 per cell.
#include "portable.h"
#include "refine/math.h"

namespace refine = stereocast::refine;

namespace {

__device__ int thread_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

__device__ int clamp(int value, int high) { return value < 0 ? 0 : value < high ? value : high; }

// One map of a batch, continued beyond its edges.
struct Map {
  const float* values;
  int height, width;

  __device__ float at(int y, int x) const {
    return values[clamp(y, height - 1) * width + clamp(x, width - 1)];
  }
};

}  // namespace

extern "C" __global__ void stereocast_refine_picture_error(const unsigned char* moved,
                                                           const unsigned char* picture,
                                                           const unsigned char* inside, int batch,
                                                           int height, int width, float* error) {
  const int n = thread_index(), area = height * width;
  if (n >= batch * area) return;
  const int x = n % width, y = n / width % height;
  const long long first = static_cast<long long>(n / area) * 3 * area;
  int sum = 0;
  for (int k = 0; k < 9; ++k) {
    const int j = clamp(y + k / 3 - 1, height - 1), i = clamp(x + k % 3 - 1, width - 1);
    for (int c = 0; c < 3; ++c) {
      const long long at = first + c * area + j * width + i;
      const int difference = moved[at] - picture[at];
      sum += difference < 0 ? -difference : difference;
    }
  }
  error[n] = inside[n] ? static_cast<float>(sum) / (9 * 3 * 255.0f) : 1.0f;
}

extern "C" __global__ void stereocast_refine_confidence(const float* sigma, const float* before,
                                                        const float* history, int count,
                                                        float* out) {
  const int n = thread_index();
  if (n < count) out[n] = refine::confidence(sigma[n], before[n], history[n]);
}

// frames: one number per map.
extern "C" __global__ void stereocast_refine_predict(const float* history, const float* teacher,
                                                     const float* variance, const float* confidence,
                                                     const float* error, const float* frames,
                                                     int area, int count, float deviations,
                                                     float floor, float* gain, float* grown) {
  const int n = thread_index();
  if (n >= count) return;
  const float own = refine::grown_variance(variance[n], error[n], frames[n / area]);
  grown[n] = own;
  gain[n] = refine::gain(history[n], teacher[n], own, confidence[n], {deviations, floor});
}

extern "C" __global__ void stereocast_refine_bound(const float* teacher, const float* confidence,
                                                   int count, float alpha, float beta, float gamma,
                                                   float* out) {
  const int n = thread_index();
  if (n < count) out[n] = refine::bound(teacher[n], confidence[n], {alpha, beta, gamma});
}

// correction: logits of all pixels of a map, then residuals; may be null.
extern "C" __global__ void stereocast_refine_fuse(const float* history, const float* teacher,
                                                  const float* grown, const float* gain,
                                                  const float* length, const float* limit,
                                                  const float* correction, int area, int count,
                                                  float* answer, float* variance, float* new_length,
                                                  unsigned char* hits) {
  const int n = thread_index();
  if (n >= count) return;
  const long long logit = n + static_cast<long long>(n / area) * area;
  float own = gain[n], residual = 0.0f;
  if (correction) {
    own = refine::corrected(own, correction[logit]);
    residual = correction[logit + area];
  }
  float wanted = (1.0f - own) * (history[n] - teacher[n]);
  if (correction) wanted += 0.05f * residual;
  answer[n] = teacher[n] + limit[n] * stereocast::tanh_of(wanted / limit[n]);
  hits[n] = fabsf(wanted) > limit[n];
  variance[n] = (1.0f - own) * grown[n];
  new_length[n] = (length[n] + 1.0f) * (1.0f - own);
}

// One thread per cell; out is [B, 9, down, across]. The sums of columns come first, as on the CPU.
extern "C" __global__ void stereocast_refine_features(const float* teacher, const float* history,
                                                      const float* confidence, const float* error,
                                                      const float* length, const float* now,
                                                      const float* before, int batch, int height,
                                                      int width, float* out) {
  constexpr int kCell = refine::kCell, kFeatures = refine::kFeatures;
  const int down = (height + kCell - 1) / kCell, across = (width + kCell - 1) / kCell;
  const int n = thread_index(), cells = down * across;
  if (n >= batch * cells) return;
  const int area = height * width, first = n / cells * area, cell = n % cells;
  const Map depth{teacher + first, height, width};
  float columns[kFeatures][kCell] = {};
  for (int k = 0; k < kCell * kCell; ++k) {
    const int y = clamp(cell / across * kCell + k / kCell, height - 1);
    const int x = clamp(cell % across * kCell + k % kCell, width - 1);
    const int at = first + y * width + x;
    const float slope_x = fabsf(depth.at(y, x + 1) - depth.at(y, x - 1));
    const float slope = (slope_x + fabsf(depth.at(y + 1, x) - depth.at(y - 1, x))) / 2.0f;
    const refine::Features seen =
        refine::features(teacher[at], history[at], confidence[at], error[at], slope, now[at],
                         before[at], length[at]);
    for (int plane = 0; plane < kFeatures; ++plane) {
      columns[plane][k % kCell] += seen.planes[plane];
    }
  }
  for (int plane = 0; plane < kFeatures; ++plane) {
    const float* sums = columns[plane];
    out[(n / cells * kFeatures + plane) * cells + cell] =
        ((sums[0] + sums[1]) + (sums[2] + sums[3])) / 16.0f;
  }
}
