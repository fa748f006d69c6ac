// Hole fill on the CPU: one row at a time; the runs of holes are found by scanning the mask.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

struct Run {
  int begin, end;     // holes are in [begin, end); begin - 1 and end have colour, if in the frame
  float left, right;  // disparity of those neighbours
  bool has_left, has_right;
};

template <typename T>
T mix(T first, T second, int position, int gap) {
  if constexpr (std::is_same_v<T, float>) {
    const float share = static_cast<float>(position) / static_cast<float>(gap);
    return first + share * (second - first);
  } else {
    const int total = first * (gap - position) + second * position;
    return static_cast<T>((total + gap / 2) / gap);
  }
}

template <typename T>
void fill_run(const Run& run, int narrow, T* row) {
  const int gap = run.end - run.begin + 1;
  const bool both = run.has_left && run.has_right;
  if (both && (gap - 1 <= narrow || run.left == run.right)) {
    const T first = row[run.begin - 1], second = row[run.end];
    for (int x = run.begin; x < run.end; ++x) {
      row[x] = mix(first, second, x - run.begin + 1, gap);
    }
    return;
  }
  if (!run.has_left && !run.has_right) return;
  const bool from_left = run.has_left && (!run.has_right || run.left < run.right);
  const T colour = from_left ? row[run.begin - 1] : row[run.end];
  for (int x = run.begin; x < run.end; ++x) row[x] = colour;
}

// Returns the first column in [begin, width) whose mask equals `value`, or width.
int find(const std::uint8_t* mask, int begin, int width, std::uint8_t value) {
  const void* found = std::memchr(mask + begin, value, static_cast<std::size_t>(width - begin));
  return found ? static_cast<int>(static_cast<const std::uint8_t*>(found) - mask) : width;
}

template <typename T>
void fill_image(Array<T, 3> view, Array<const std::uint8_t, 2> holes, ConstMap disparity,
                int narrow) {
  const int height = static_cast<int>(holes.shape(0)), width = static_cast<int>(holes.shape(1));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  parallel_rows(height, [&](int first_row, int last_row) {
    for (int y = first_row; y < last_row; ++y) {
      const std::size_t offset = static_cast<std::size_t>(y) * width;
      const std::uint8_t* mask = holes.data() + offset;
      const float* depth = disparity.data() + offset;
      for (int begin = find(mask, 0, width, 1); begin < width;) {
        const int end = find(mask, begin, width, 0);
        Run run{begin, end, 0.0f, 0.0f, begin > 0, end < width};
        if (run.has_left) run.left = depth[begin - 1];
        if (run.has_right) run.right = depth[end];
        for (int c = 0; c < 3; ++c) fill_run(run, narrow, view.data() + c * plane + offset);
        begin = end < width ? find(mask, end, width, 1) : width;
      }
    }
  });
}

}  // namespace

void bind_fill(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("fill_u8", &fill_image<std::uint8_t>, release);
  module.def("fill_f32", &fill_image<float>, release);
}

}  // namespace stereocast
