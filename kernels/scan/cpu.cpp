// The selective scan on the CPU: channels of sequences, or whole tokens of a block, side by side.
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include "pool.h"
#include "scan/math.h"
#include "tensors.h"

namespace stereocast {
namespace {

STEREOCAST_MULTIVERSION
void soften(float* __restrict values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] = softplus(values[i]);
}

STEREOCAST_MULTIVERSION
void gate(const float* __restrict z, std::size_t count, float* __restrict values) {
  for (std::size_t i = 0; i < count; ++i) values[i] *= silu(z[i]);
}

// One channel of one sequence, in place: y holds the step sizes before.
STEREOCAST_MULTIVERSION
void run_channel(const float* __restrict u, const float* __restrict a, const float* __restrict b,
                 const float* __restrict c, float skip, int length, int size,
                 float* __restrict state, float* __restrict y) {
  for (int t = 0; t < length; ++t) {
    const std::size_t token = static_cast<std::size_t>(t) * size;
    y[t] = scan::advance(state, a, b + token, c + token, size, y[t], u[t], state) + skip * u[t];
  }
}

// B and C are [batch, groups, length, size]; D, z and bias may be missing.
void run_scan(Array<const float, 3> u, Array<const float, 3> delta, ConstMap A,
              Array<const float, 4> B, Array<const float, 4> C, const float* D, const float* z,
              const float* bias, bool softly, Array<float, 3> state, Array<float, 3> y) {
  const int channels = static_cast<int>(u.shape(1)), length = static_cast<int>(u.shape(2));
  const int size = static_cast<int>(A.shape(1)), groups = static_cast<int>(B.shape(1));
  const int rows = static_cast<int>(u.shape(0)) * channels, per_group = channels / groups;
  parallel_rows(rows, [&](int begin, int end) {
    const std::size_t first = static_cast<std::size_t>(begin) * length;
    const std::size_t count = static_cast<std::size_t>(end - begin) * length;
    float* out = y.data() + first;
    for (int row = begin; row < end; ++row) {
      const float own = bias ? bias[row % channels] : 0.0f;
      const std::size_t at = static_cast<std::size_t>(row) * length;
      for (int t = 0; t < length; ++t) y.data()[at + t] = delta.data()[at + t] + own;
    }
    if (softly) soften(out, count);
    for (int row = begin; row < end; ++row) {
      const int channel = row % channels, batch = row / channels;
      const std::size_t group = static_cast<std::size_t>(batch) * groups + channel / per_group;
      const std::size_t at = static_cast<std::size_t>(row) * length;
      run_channel(u.data() + at, A.data() + static_cast<std::size_t>(channel) * size,
                  B.data() + group * length * size, C.data() + group * length * size,
                  D ? D[channel] : 0.0f, length, size,
                  state.data() + static_cast<std::size_t>(row) * size, y.data() + at);
    }
    if (z) gate(z + first, count, out);
  });
}

using Optional = std::optional<Array<const float, 1>>;
using OptionalPlane = std::optional<Array<const float, 3>>;

void selective_scan(Array<const float, 3> u, Array<const float, 3> delta, ConstMap A,
                    Array<const float, 4> B, Array<const float, 4> C, Optional D, OptionalPlane z,
                    Optional bias, bool softly, Array<float, 3> state, Array<float, 3> y) {
  run_scan(u, delta, A, B, C, D ? D->data() : nullptr, z ? z->data() : nullptr,
           bias ? bias->data() : nullptr, softly, state, y);
}

// The weights of a block, and what a token needs on its way through it.
struct Block {
  const float *conv, *conv_bias, *x_proj, *dt_bias, *A, *D;
  std::vector<float> dt_proj;  // transposed, [rank, channels]
  int channels, width, rank, size;
};

struct Scratch {
  std::vector<float> token, projected, dt, work, none;  // none: the states of nobody

  explicit Scratch(const Block& block)
      : token(block.channels),
        projected(block.rank + 2 * block.size),
        dt(block.channels),
        work(static_cast<std::size_t>(block.channels) * block.size),
        none(static_cast<std::size_t>(block.channels) * std::max(block.size, block.width - 1)) {}
};

// A width that is known when this is compiled makes a loop over channels that vectorises.
template <int kWidth>
[[gnu::always_inline]] inline void convolve_channels(const Block& block, int any_width,
                                                     const float* __restrict past,
                                                     const float* __restrict x,
                                                     float* __restrict next,
                                                     float* __restrict token) {
  const int width = kWidth > 0 ? kWidth : any_width, kept = width - 1;
  for (int d = 0; d < block.channels; ++d) {
    const float* own = past + d * kept;
    token[d] = scan::convolve(block.conv + d * width, own, width, x[d], block.conv_bias[d]);
    for (int k = 0; k + 1 < kept; ++k) next[d * kept + k] = own[k + 1];
    next[d * kept + kept - 1] = x[d];
  }
}

STEREOCAST_MULTIVERSION
void convolve_token(const Block& block, const float* __restrict past, const float* __restrict x,
                    float* __restrict next, float* __restrict token) {
  if (block.width == 4) {
    convolve_channels<4>(block, 4, past, x, next, token);
  } else {
    convolve_channels<0>(block, block.width, past, x, next, token);
  }
  for (int d = 0; d < block.channels; ++d) token[d] = silu(token[d]);
}

STEREOCAST_MULTIVERSION
void project(const float* __restrict weights, const float* __restrict token, int channels,
             int outputs, float* __restrict out) {
  for (int i = 0; i < outputs; ++i) {
    const float* row = weights + static_cast<std::size_t>(i) * channels;
    float sums[scan::kLanes] = {};
    int d = 0;
    for (; d + scan::kLanes <= channels; d += scan::kLanes) {
      for (int j = 0; j < scan::kLanes; ++j) sums[j] += row[d + j] * token[d + j];
    }
    for (int j = 0; d + j < channels; ++j) sums[j] += row[d + j] * token[d + j];
    out[i] = scan::total(sums);
  }
}

STEREOCAST_MULTIVERSION
void step_sizes(const Block& block, const float* __restrict low, float* __restrict dt) {
  std::fill(dt, dt + block.channels, 0.0f);
  for (int r = 0; r < block.rank; ++r) {
    const float* weights = block.dt_proj.data() + static_cast<std::size_t>(r) * block.channels;
    for (int d = 0; d < block.channels; ++d) dt[d] += weights[d] * low[r];
  }
  for (int d = 0; d < block.channels; ++d) dt[d] = softplus(dt[d] + block.dt_bias[d]);
}

// scan::advance for all channels of 8 states at once, one loop after the other: each vectorises,
// and every sum keeps its order.
STEREOCAST_MULTIVERSION
void advance_eights(const Block& block, const float* __restrict dt, const float* __restrict token,
                    const float* __restrict b, const float* __restrict c,
                    const float* __restrict ssm, float* __restrict work, float* __restrict next,
                    float* __restrict y) {
  constexpr int kLanes = scan::kLanes;
  const float* __restrict a = block.A;
  for (int d = 0; d < block.channels; ++d) {
    for (int j = 0; j < kLanes; ++j) work[d * kLanes + j] = dt[d] * a[d * kLanes + j];
  }
  for (int i = 0; i < block.channels * kLanes; ++i) work[i] = exponential(work[i]);
  for (int d = 0; d < block.channels; ++d) {
    const float scaled = dt[d] * token[d];
    for (int j = 0; j < kLanes; ++j) {
      const int i = d * kLanes + j;
      next[i] = work[i] * ssm[i] + scaled * b[j];
    }
  }
  for (int d = 0; d < block.channels; ++d) {
    for (int j = 0; j < kLanes; ++j) work[d * kLanes + j] = next[d * kLanes + j] * c[j];
  }
  for (int d = 0; d < block.channels; ++d) y[d] = scan::total(work + d * kLanes);
}

STEREOCAST_MULTIVERSION
void advance_any(const Block& block, const Scratch& scratch, const float* __restrict ssm,
                 float* __restrict next, float* __restrict y) {
  const float *b = scratch.projected.data() + block.rank, *c = b + block.size;
  for (int d = 0; d < block.channels; ++d) {
    const std::size_t at = static_cast<std::size_t>(d) * block.size;
    y[d] = scan::advance(ssm + at, block.A + at, b, c, block.size, scratch.dt[d], scratch.token[d],
                         next + at);
  }
}

STEREOCAST_MULTIVERSION
void emit(const Block& block, const float* __restrict token, const float* __restrict z,
          float* __restrict y) {
  for (int d = 0; d < block.channels; ++d) y[d] += block.D[d] * token[d];
  for (int d = 0; d < block.channels; ++d) y[d] *= silu(z[d]);
}

void advance_token(const Block& block, Scratch& scratch, const float* ssm, const float* z,
                   float* next, float* y) {
  if (block.size == scan::kLanes) {
    const float *b = scratch.projected.data() + block.rank, *c = b + block.size;
    advance_eights(block, scratch.dt.data(), scratch.token.data(), b, c, ssm, scratch.work.data(),
                   next, y);
  } else {
    advance_any(block, scratch, ssm, next, y);
  }
  emit(block, scratch.token.data(), z, y);
}

using OptionalOrder = std::optional<Array<const std::int64_t, 1>>;

void check_order(const std::int64_t* source, std::size_t count) {
  const auto limit = static_cast<std::int64_t>(count);
  if (std::any_of(source, source + count, [limit](std::int64_t from) { return from >= limit; })) {
    throw std::out_of_range("token_step needs a source below the number of tokens");
  }
}

void token_step(Array<const float, 3> conv, Array<const float, 3> ssm, ConstMap xz,
                ConstMap conv_weights, Array<const float, 1> conv_bias, ConstMap x_proj,
                ConstMap dt_proj, Array<const float, 1> dt_bias, ConstMap A,
                Array<const float, 1> D, OptionalOrder source, Array<float, 3> new_conv,
                Array<float, 3> new_ssm, Map y) {
  if (source) check_order(source->data(), xz.shape(0));
  Block block{conv_weights.data(),
              conv_bias.data(),
              x_proj.data(),
              dt_bias.data(),
              A.data(),
              D.data(),
              {},
              static_cast<int>(A.shape(0)),
              static_cast<int>(conv_weights.shape(1)),
              static_cast<int>(dt_proj.shape(1)),
              static_cast<int>(A.shape(1))};
  block.dt_proj.resize(static_cast<std::size_t>(block.rank) * block.channels);
  for (int d = 0; d < block.channels; ++d) {
    for (int r = 0; r < block.rank; ++r) {
      block.dt_proj[static_cast<std::size_t>(r) * block.channels + d] =
          dt_proj.data()[static_cast<std::size_t>(d) * block.rank + r];
    }
  }
  const std::size_t channels = block.channels, kept = channels * (block.width - 1);
  const std::size_t states = channels * block.size;
  parallel_rows(static_cast<int>(xz.shape(0)), [&](int begin, int end) {
    Scratch scratch(block);
    for (int n = begin; n < end; ++n) {
      const float* x = xz.data() + 2 * channels * n;
      const std::int64_t from = source ? source->data()[n] : n;
      const float* past = from < 0 ? scratch.none.data() : conv.data() + kept * from;
      const float* state = from < 0 ? scratch.none.data() : ssm.data() + states * from;
      convolve_token(block, past, x, new_conv.data() + kept * n, scratch.token.data());
      project(block.x_proj, scratch.token.data(), block.channels, block.rank + 2 * block.size,
              scratch.projected.data());
      step_sizes(block, scratch.projected.data(), scratch.dt.data());
      advance_token(block, scratch, state, x + channels, new_ssm.data() + states * n,
                    y.data() + channels * n);
    }
  });
}

}  // namespace

void bind_scan(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("selective_scan", &selective_scan, nb::arg("u"), nb::arg("delta"), nb::arg("A"),
             nb::arg("B"), nb::arg("C"), nb::arg("D").none(), nb::arg("z").none(),
             nb::arg("bias").none(), nb::arg("softly"), nb::arg("state"), nb::arg("y"), release);
  module.def("token_step", &token_step, nb::arg("conv"), nb::arg("ssm"), nb::arg("xz"),
             nb::arg("conv_weights"), nb::arg("conv_bias"), nb::arg("x_proj"), nb::arg("dt_proj"),
             nb::arg("dt_bias"), nb::arg("A"), nb::arg("D"), nb::arg("source").none(),
             nb::arg("new_conv"), nb::arg("new_ssm"), nb::arg("y"), release);
}

}  // namespace stereocast
