// The weighted median on the CPU: three passes over the bits of the values, highest first, each
// keeping the one bin in which half of the weight is reached.
#include <array>
#include <cstdint>
#include <vector>

#include "pool.h"
#include "portable.h"
#include "tensors.h"

namespace stereocast {
namespace {

constexpr int kShifts[] = {21, 10, 0};
constexpr std::uint32_t kBins = 2048;

// Unsigned numbers in the order of the floats; what is no number comes last.
std::uint32_t key(float value) {
  if (value != value) return 0xFFFFFFFFu;
  const std::uint32_t bits = float_bits(value);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float value_of(std::uint32_t key) {
  if (key == 0xFFFFFFFFu) return bits_float(0x7FC00000u);
  return bits_float(key & 0x80000000u ? key & 0x7FFFFFFFu : ~key);
}

struct Weighed {
  std::uint32_t key;
  float weight;
};

float median(const float* values, const float* weights, std::size_t count) {
  std::vector<Weighed> left(count);
  double total = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    left[i] = {key(values[i]), weights[i]};
    total += weights[i];
  }
  if (!(total > 0.0)) return 0.0f;
  double below = 0.0;
  for (const int shift : kShifts) {
    std::array<double, kBins> bins{};
    std::array<bool, kBins> used{};
    for (const Weighed& one : left) {
      bins[one.key >> shift & (kBins - 1)] += one.weight;
      used[one.key >> shift & (kBins - 1)] = true;
    }
    // Rounding may leave the half beyond the last bin: then the last one used holds it.
    std::uint32_t chosen = 0;
    for (std::uint32_t bin = 0; bin < kBins; ++bin) {
      if (!used[bin]) continue;
      chosen = bin;
      if (below + bins[bin] >= total / 2) break;
      below += bins[bin];
    }
    std::erase_if(left,
                  [&](const Weighed& one) { return (one.key >> shift & (kBins - 1)) != chosen; });
  }
  return value_of(left.front().key);
}

void weighted_median(ConstMap values, ConstMap weights, Array<float, 1> medians) {
  const std::size_t count = values.shape(1);
  parallel_rows(static_cast<int>(values.shape(0)), [&](int begin, int end) {
    for (int row = begin; row < end; ++row) {
      medians.data()[row] =
          median(values.data() + row * count, weights.data() + row * count, count);
    }
  });
}

}  // namespace

void bind_refine_median(nb::module_& module) {
  module.def("refine_weighted_median", &weighted_median, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
