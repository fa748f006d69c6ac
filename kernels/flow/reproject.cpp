// Re-projection and shrinking on the CPU: one row at a time, independent of all others.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "flow/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

// Where the pixels of one row come from.
struct Sources {
  std::vector<std::int32_t> upper, lower, step;  // indices of the left pixels; 0 or 1 to the right
  std::vector<float> share_x, share_y;

  explicit Sources(int width)
      : upper(width), lower(width), step(width), share_x(width), share_y(width) {}
};

void locate(const float* flow_x, const float* flow_y, int y, int width, int height, int scale,
            Sources& sources, std::uint8_t* inside) {
  const float last_x = static_cast<float>(width - 1), last_y = static_cast<float>(height - 1);
  for (int x = 0; x < width; ++x) {
    const int cell = scale == 1 ? x : x >> 1;
    float from_x = static_cast<float>(x) + flow_x[cell];
    float from_y = static_cast<float>(y) + flow_y[cell];
    inside[x] = (from_x >= 0.0f) & (from_x <= last_x) & (from_y >= 0.0f) & (from_y <= last_y);
    from_x = std::fmin(std::fmax(from_x, 0.0f), last_x);
    from_y = std::fmin(std::fmax(from_y, 0.0f), last_y);
    const int left = static_cast<int>(from_x), top = static_cast<int>(from_y);
    sources.share_x[x] = from_x - static_cast<float>(left);
    sources.share_y[x] = from_y - static_cast<float>(top);
    sources.upper[x] = top * width + left;
    sources.lower[x] = std::min(top + 1, height - 1) * width + left;
    sources.step[x] = left + 1 < width;
  }
}

float lerp(float first, float second, float share) { return first + share * (second - first); }

template <typename T>
void sample(const T* plane, const Sources& sources, int width, T* out) {
  for (int x = 0; x < width; ++x) {
    const T *upper = plane + sources.upper[x], *lower = plane + sources.lower[x];
    const int step = sources.step[x];
    const float top = lerp(upper[0], upper[step], sources.share_x[x]);
    const float bottom = lerp(lower[0], lower[step], sources.share_x[x]);
    const float value = lerp(top, bottom, sources.share_y[x]);
    if constexpr (std::is_same_v<T, float>) {
      out[x] = value;
    } else {
      out[x] = static_cast<T>(static_cast<int>(value + 0.5f));
    }
  }
}

template <typename T>
void move(Array<const T, 3> values, Array<const float, 3> flow, int scale, Array<T, 3> moved,
          Array<std::uint8_t, 2> inside) {
  const int channels = static_cast<int>(values.shape(0));
  const int height = static_cast<int>(values.shape(1)), width = static_cast<int>(values.shape(2));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  const std::size_t cells = flow.shape(1) * flow.shape(2);
  parallel_rows(height, [&](int begin, int end) {
    Sources sources(width);
    for (int y = begin; y < end; ++y) {
      const std::size_t offset = static_cast<std::size_t>(y) * width;
      const float* vectors = flow.data() + static_cast<std::size_t>(y / scale) * flow.shape(2);
      locate(vectors, vectors + cells, y, width, height, scale, sources, inside.data() + offset);
      for (int c = 0; c < channels; ++c) {
        sample(values.data() + c * area, sources, width, moved.data() + c * area + offset);
      }
    }
  });
}

STEREOCAST_MULTIVERSION
void add_grey(const std::uint8_t* __restrict red, const std::uint8_t* __restrict green,
              const std::uint8_t* __restrict blue, int width, std::uint16_t* __restrict sums) {
  for (int x = 0; x < width; ++x) {
    sums[x] = static_cast<std::uint16_t>(sums[x] + red[x] + 2 * green[x] + blue[x]);
  }
}

void shrink(ConstImage picture, int factor, Array<std::uint8_t, 3> small) {
  const int height = static_cast<int>(small.shape(1)), width = static_cast<int>(small.shape(2));
  const std::size_t row = picture.shape(2), area = picture.shape(1) * row;
  const int used = width * factor, weight = 4 * factor * factor;
  parallel_rows(height, [&](int begin, int end) {
    // Up to 64 rows of at most 4·255 fit 16 bits.
    std::vector<std::uint16_t> sums(used);
    for (int y = begin; y < end; ++y) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int j = 0; j < factor; ++j) {
        const std::uint8_t* red = picture.data() + static_cast<std::size_t>(y * factor + j) * row;
        add_grey(red, red + area, red + 2 * area, used, sums.data());
      }
      for (int x = 0; x < width; ++x) {
        int sum = 0;
        for (int i = 0; i < factor; ++i) sum += sums[x * factor + i];
        small.data()[static_cast<std::size_t>(y) * width + x] =
            static_cast<std::uint8_t>((sum + weight / 2) / weight);
      }
    }
  });
}

}  // namespace

void bind_reproject(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("reproject_u8", &move<std::uint8_t>, release);
  module.def("reproject_f32", &move<float>, release);
  module.def("shrink", &shrink, release);
}

}  // namespace stereocast
