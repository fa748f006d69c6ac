// The robust line on the CPU: one thread, sums in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "refine/math.h"
#include "tensors.h"

namespace stereocast {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The lower one of two; `scratch` loses its order. No value may be no number.
float median(std::vector<float>& scratch) {
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>((scratch.size() - 1) / 2);
  std::nth_element(scratch.begin(), middle, scratch.end());
  return *middle;
}

// Weighted sums of y and x, both against a centre.
struct Moments {
  double total = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

  void add(double weight, double u, double v) {
    total += weight;
    x += weight * u;
    y += weight * v;
    xx += weight * u * u;
    xy += weight * u * v;
    yy += weight * v * v;
  }

  void centre() {
    x /= total;
    y /= total;
    xx = xx / total - x * x;
    xy = xy / total - x * y;
    yy = yy / total - y * y;
  }
};

struct Line {
  double slope = 1, shift = kNone, mean = kNone, variance = kNone, trust = 0;
};

Line fit(const float* x, const float* y, std::size_t count, int rounds) {
  std::vector<float> residual(count), scratch(count);
  double centre = 0, spread = 0;
  for (std::size_t i = 0; i < count; ++i) centre += x[i];
  centre /= static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) spread += (x[i] - centre) * (x[i] - centre);
  for (std::size_t i = 0; i < count; ++i) residual[i] = y[i] - x[i];
  if (std::any_of(residual.begin(), residual.end(), [](float r) { return !std::isfinite(r); })) {
    return {};
  }
  const double floor =
      1e-4 * std::sqrt(spread / static_cast<double>(count)) + std::numeric_limits<float>::min();
  scratch = residual;
  const float middle = median(scratch);
  for (float& r : residual) r -= middle;
  Line line;
  for (int round = 0; round < rounds; ++round) {
    std::transform(residual.begin(), residual.end(), scratch.begin(), fabsf);
    const double reach = refine::kTukey * (refine::kMadToSigma * median(scratch) + floor);
    Moments sums;
    for (std::size_t i = 0; i < count; ++i) {
      const double share = residual[i] / reach, left = std::max(1 - share * share, 0.0);
      sums.add(left * left, x[i] - centre, y[i] - centre);
    }
    sums.centre();
    const double tilt = sums.yy - sums.xx;
    const double slope = (tilt + std::sqrt(tilt * tilt + 4 * sums.xy * sums.xy)) / (2 * sums.xy);
    const bool is_sure = sums.xy > 1e-3 * sums.xx && slope > 0.5 && slope < 2;
    line.slope = is_sure ? slope : 1;
    const double shift = sums.y - line.slope * sums.x;
    for (std::size_t i = 0; i < count; ++i) {
      residual[i] = static_cast<float>(y[i] - centre - line.slope * (x[i] - centre) - shift);
    }
    line.shift = shift + centre * (1 - line.slope);
    line.mean = sums.x + centre;
    line.variance = sums.xx;
    line.trust = is_sure ? sums.total / static_cast<double>(count) : 0;
  }
  return line;
}

void robust_line(Array<const float, 1> x, Array<const float, 1> y, int rounds,
                 Array<float, 1> result) {
  const Line line = fit(x.data(), y.data(), x.shape(0), rounds);
  const double values[] = {line.slope, line.shift, line.mean, line.variance, line.trust};
  std::transform(values, values + 5, result.data(), [](double v) { return static_cast<float>(v); });
}

}  // namespace

void bind_refine_line(nb::module_& module) {
  module.def("refine_robust_line", &robust_line, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
