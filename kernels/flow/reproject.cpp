// Re-projection and shrinking on the CPU: one row at a time, independent of all others.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "flow/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

// Where the pixels of one row come from.
struct Sources {
  std::vector<std::int32_t> upper, lower, step;  // indices of the left pixels; 0 or 1 to the right
  std::vector<float> share_x, share_y, vector_x, vector_y;

  explicit Sources(int width)
      : upper(width),
        lower(width),
        step(width),
        share_x(width),
        share_y(width),
        vector_x(width),
        vector_y(width) {}
};

// Where p + flow is, kept inside; the middle of nowhere becomes the edge.
inline float held(float value, float last) {
  const float positive = value > 0.0f ? value : 0.0f;
  return positive < last ? positive : last;
}

STEREOCAST_MULTIVERSION
void locate_row(const float* __restrict vectors_x, const float* __restrict vectors_y, int y,
                int width, int height, float* __restrict share_x, float* __restrict share_y,
                std::int32_t* __restrict upper, std::int32_t* __restrict lower,
                std::int32_t* __restrict step, std::uint8_t* __restrict inside) {
  const float last_x = static_cast<float>(width - 1), last_y = static_cast<float>(height - 1);
  for (int x = 0; x < width; ++x) {
    const float from_x = static_cast<float>(x) + vectors_x[x];
    const float from_y = static_cast<float>(y) + vectors_y[x];
    inside[x] = (from_x >= 0.0f) & (from_x <= last_x) & (from_y >= 0.0f) & (from_y <= last_y);
  }
  for (int x = 0; x < width; ++x) {
    const float from_x = held(static_cast<float>(x) + vectors_x[x], last_x);
    const float from_y = held(static_cast<float>(y) + vectors_y[x], last_y);
    const int left = static_cast<int>(from_x), top = static_cast<int>(from_y);
    share_x[x] = from_x - static_cast<float>(left);
    share_y[x] = from_y - static_cast<float>(top);
    upper[x] = top * width + left;
    lower[x] = (top + 1 < height ? top + 1 : top) * width + left;
    step[x] = left + 1 < width;
  }
}

void locate(const float* flow_x, const float* flow_y, int y, int width, int height, int scale,
            Sources& sources, std::uint8_t* inside) {
  for (int x = 0; x < width; ++x) {
    const int cell = scale == 1 ? x : x >> 1;
    sources.vector_x[x] = flow_x[cell];
    sources.vector_y[x] = flow_y[cell];
  }
  locate_row(sources.vector_x.data(), sources.vector_y.data(), y, width, height,
             sources.share_x.data(), sources.share_y.data(), sources.upper.data(),
             sources.lower.data(), sources.step.data(), inside);
}

inline float lerp(float first, float second, float share) {
  return first + share * (second - first);
}

template <typename T>
[[gnu::always_inline]] inline float sampled(const T* plane, int upper, int lower, int step,
                                            float share_x, float share_y) {
  const float top = lerp(plane[upper], plane[upper + step], share_x);
  const float bottom = lerp(plane[lower], plane[lower + step], share_x);
  return lerp(top, bottom, share_y);
}

STEREOCAST_MULTIVERSION
void sample_row(const float* __restrict plane, const std::int32_t* __restrict upper,
                const std::int32_t* __restrict lower, const std::int32_t* __restrict step,
                const float* __restrict share_x, const float* __restrict share_y, int width,
                float* __restrict out) {
  for (int x = 0; x < width; ++x) {
    out[x] = sampled(plane, upper[x], lower[x], step[x], share_x[x], share_y[x]);
  }
}

STEREOCAST_MULTIVERSION
void sample_row(const std::uint8_t* __restrict plane, const std::int32_t* __restrict upper,
                const std::int32_t* __restrict lower, const std::int32_t* __restrict step,
                const float* __restrict share_x, const float* __restrict share_y, int width,
                std::uint8_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const float value = sampled(plane, upper[x], lower[x], step[x], share_x[x], share_y[x]);
    out[x] = static_cast<std::uint8_t>(static_cast<int>(value + 0.5f));
  }
}

// Pixels of a row, and whether what they come from lies side by side as they do.
struct Run {
  int begin, end;
  bool is_together;
};

constexpr int kShortest = 16;  // pixels that are worth a loop of their own

// Where things move alike, which is nearly everywhere, loads are plain ones.
void split(const Sources& from, int width, std::vector<Run>& runs) {
  runs.clear();
  int scattered = 0;  // pixels before it belong to runs
  for (int begin = 0, x = 1; x <= width; ++x) {
    const bool goes_on = x < width && from.upper[x] == from.upper[x - 1] + 1 &&
                         from.lower[x] == from.lower[x - 1] + 1 && from.step[x - 1] == 1 &&
                         from.step[x] == 1;
    if (goes_on) continue;
    if (x - begin >= kShortest) {
      if (scattered < begin) runs.push_back({scattered, begin, false});
      runs.push_back({begin, x, true});
      scattered = x;
    }
    begin = x;
  }
  if (scattered < width) runs.push_back({scattered, width, false});
}

inline void store(float value, float* out) { *out = value; }
inline void store(float value, std::uint8_t* out) {
  *out = static_cast<std::uint8_t>(static_cast<int>(value + 0.5f));
}

template <typename T>
[[gnu::always_inline]] inline void sample_neighbours(const T* __restrict upper,
                                                     const T* __restrict lower,
                                                     const float* __restrict share_x,
                                                     const float* __restrict share_y, int count,
                                                     T* __restrict out) {
  for (int x = 0; x < count; ++x) {
    const float top = lerp(upper[x], upper[x + 1], share_x[x]);
    const float bottom = lerp(lower[x], lower[x + 1], share_x[x]);
    store(lerp(top, bottom, share_y[x]), out + x);
  }
}

STEREOCAST_MULTIVERSION
void sample_run(const float* upper, const float* lower, const float* share_x, const float* share_y,
                int count, float* out) {
  sample_neighbours(upper, lower, share_x, share_y, count, out);
}

STEREOCAST_MULTIVERSION
void sample_run(const std::uint8_t* upper, const std::uint8_t* lower, const float* share_x,
                const float* share_y, int count, std::uint8_t* out) {
  sample_neighbours(upper, lower, share_x, share_y, count, out);
}

template <typename T>
void sample(const T* plane, const Sources& from, const std::vector<Run>& runs, T* out) {
  for (const auto& [begin, end, is_together] : runs) {
    const float *share_x = from.share_x.data() + begin, *share_y = from.share_y.data() + begin;
    const std::int32_t *upper = from.upper.data() + begin, *lower = from.lower.data() + begin;
    if (is_together) {
      sample_run(plane + *upper, plane + *lower, share_x, share_y, end - begin, out + begin);
    } else {
      sample_row(plane, upper, lower, from.step.data() + begin, share_x, share_y, end - begin,
                 out + begin);
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
    std::vector<Run> runs;
    for (int y = begin; y < end; ++y) {
      const std::size_t offset = static_cast<std::size_t>(y) * width;
      const float* vectors = flow.data() + static_cast<std::size_t>(y / scale) * flow.shape(2);
      locate(vectors, vectors + cells, y, width, height, scale, sources, inside.data() + offset);
      split(sources, width, runs);
      for (int c = 0; c < channels; ++c) {
        sample(values.data() + c * area, sources, runs, moved.data() + c * area + offset);
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
