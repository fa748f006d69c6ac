// The selective scan on the GPU; __init__.py says what it means, reference.py defines it. The sums
// are those of the native form, in its order: both give the same bits.
//
// scan: one thread per channel of a sequence, blocks of 256; a step is a sequence of one token. B
// and C are [batch, groups, length, size]. The state stays in place, read and written by its own
// thread only. Bytes per channel: 8 N for the state, 12 per token (16 with a gate), and B and C out
// of L1, which all channels of a group share.
//
// token: one block per token, of a multiple of 32 threads, a thread per channel; what the
// projections need of all channels goes through shared memory: channels + rank + 2 N floats. Bytes
// per channel in float32: 8 N + 8 (W - 1) for the states, 12 for the token; the weights come out of
// L2. A token continues the states that `source` names; those of nobody are written as zeros first,
// and then continued in place: a thread reads and writes its own channels only.
#include "portable.h"
#include "scan/half.h"
#include "scan/math.h"

namespace scan = stereocast::scan;
using stereocast::Half;

namespace {

// Eight neighbouring lanes hold partial sums; all of them get the sum, added as scan::total does.
__device__ float total_of_lanes(float sum) {
  sum += __shfl_xor_sync(0xFFFFFFFFu, sum, 4);
  sum += __shfl_xor_sync(0xFFFFFFFFu, sum, 2);
  return sum + __shfl_xor_sync(0xFFFFFFFFu, sum, 1);
}

template <typename T>
__device__ void convolve_token(const T* conv, const T* x, const float* weights, const float* bias,
                               int channels, int width, T* new_conv, float* token) {
  const int kept = width - 1;
  for (int d = threadIdx.x; d < channels; d += blockDim.x) {
    const float input = stereocast::widen(x[d]);
    const T* past = conv + d * kept;
    token[d] = stereocast::silu(scan::convolve(weights + d * width, past, width, input, bias[d]));
    for (int k = 0; k + 1 < kept; ++k) new_conv[d * kept + k] = past[k + 1];
    stereocast::narrow(input, new_conv + d * kept + kept - 1);
  }
}

// All threads of a block take part, those beyond the last output with a sum that nobody reads.
__device__ void project(const float* weights, const float* token, int channels, int outputs,
                        float* projected) {
  const int lane = threadIdx.x % scan::kLanes, side = blockDim.x / scan::kLanes;
  for (int first = 0; first < outputs; first += side) {
    const int i = first + threadIdx.x / scan::kLanes;
    float sum = 0.0f;
    for (int d = lane; i < outputs && d < channels; d += scan::kLanes) {
      sum += weights[i * channels + d] * token[d];
    }
    sum = total_of_lanes(sum);
    if (lane == 0 && i < outputs) projected[i] = sum;
  }
}

struct Weights {
  const float *conv, *conv_bias, *x_proj, *dt_proj, *dt_bias, *A, *D;
  int channels, width, rank, size;
};

// Zeros for the channels of this thread, `size` values each.
template <typename T>
__device__ void clear_channels(int channels, int size, T* states) {
  for (int d = threadIdx.x; d < channels; d += blockDim.x) {
    for (int k = 0; k < size; ++k) stereocast::narrow(0.0f, states + d * size + k);
  }
}

template <typename T>
__device__ void step_token(const T* conv, const float* ssm, const T* xz, const Weights& weights,
                           const long long* source, float* shared, T* new_conv, float* new_ssm,
                           T* y) {
  const int channels = weights.channels, size = weights.size, past = weights.width - 1;
  float *token = shared, *projected = shared + channels;
  const long long n = blockIdx.x, kept = static_cast<long long>(channels) * past;
  const long long states = static_cast<long long>(channels) * size, from = source ? source[n] : n;
  const T* x = xz + n * 2 * channels;
  if (from < 0) {
    clear_channels(channels, past, new_conv + n * kept);
    clear_channels(channels, size, new_ssm + n * states);
  }
  const T* old_conv = from < 0 ? new_conv + n * kept : conv + from * kept;
  const float* old_ssm = from < 0 ? new_ssm + n * states : ssm + from * states;
  convolve_token(old_conv, x, weights.conv, weights.conv_bias, channels, weights.width,
                 new_conv + n * kept, token);
  __syncthreads();
  project(weights.x_proj, token, channels, weights.rank + 2 * size, projected);
  __syncthreads();
  const float *b = projected + weights.rank, *c = b + size;
  for (int d = threadIdx.x; d < channels; d += blockDim.x) {
    float dt = 0.0f;
    for (int r = 0; r < weights.rank; ++r)
      dt += weights.dt_proj[d * weights.rank + r] * projected[r];
    dt = stereocast::softplus(dt + weights.dt_bias[d]);
    const long long at = static_cast<long long>(d) * size;
    const float out = scan::advance(old_ssm + at, weights.A + at, b, c, size, dt, token[d],
                                    new_ssm + n * states + at) +
                      weights.D[d] * token[d];
    const float gate = stereocast::silu(stereocast::widen(x[channels + d]));
    stereocast::narrow(out * gate, y + n * channels + d);
  }
}

}  // namespace

// D, z and bias may be null.
extern "C" __global__ void stereocast_scan(const float* u, const float* delta, const float* A,
                                           const float* B, const float* C, const float* D,
                                           const float* z, const float* bias, int softly, int batch,
                                           int channels, int groups, int length, int size,
                                           float* state, float* y) {
  const long long row = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= static_cast<long long>(batch) * channels) return;
  const int channel = static_cast<int>(row % channels);
  const long long group = row / channels * groups + channel / (channels / groups);
  const float* a = A + static_cast<long long>(channel) * size;
  const float own = bias ? bias[channel] : 0.0f, skip = D ? D[channel] : 0.0f;
  float* h = state + row * size;
  for (int t = 0; t < length; ++t) {
    const long long at = row * length + t, token = (group * length + t) * size;
    float dt = delta[at] + own;
    if (softly) dt = stereocast::softplus(dt);
    float out = scan::advance(h, a, B + token, C + token, size, dt, u[at], h) + skip * u[at];
    if (z) out *= stereocast::silu(z[at]);
    y[at] = out;
  }
}

extern "C" __global__ void stereocast_scan_token_f32(
    const float* conv, const float* ssm, const float* xz, const float* conv_weights,
    const float* conv_bias, const float* x_proj, const float* dt_proj, const float* dt_bias,
    const float* A, const float* D, const long long* source, int channels, int width, int rank,
    int size, float* new_conv, float* new_ssm, float* y) {
  extern __shared__ float shared[];
  const Weights weights{conv_weights, conv_bias, x_proj, dt_proj, dt_bias, A, D,
                        channels,     width,     rank,   size};
  step_token(conv, ssm, xz, weights, source, shared, new_conv, new_ssm, y);
}

// The state of the scan stays float32: in half precision what it adds up is lost.
extern "C" __global__ void stereocast_scan_token_f16(
    const unsigned short* conv, const float* ssm, const unsigned short* xz,
    const float* conv_weights, const float* conv_bias, const float* x_proj, const float* dt_proj,
    const float* dt_bias, const float* A, const float* D, const long long* source, int channels,
    int width, int rank, int size, unsigned short* new_conv, float* new_ssm, unsigned short* y) {
  extern __shared__ float shared[];
  const Weights weights{conv_weights, conv_bias, x_proj, dt_proj, dt_bias, A, D,
                        channels,     width,     rank,   size};
  step_token(reinterpret_cast<const Half*>(conv), ssm, reinterpret_cast<const Half*>(xz), weights,
             source, shared, reinterpret_cast<Half*>(new_conv), new_ssm,
             reinterpret_cast<Half*>(y));
}
