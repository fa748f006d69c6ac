// Level 1 of the hole fill on the CPU: one row at a time, independent of all others.
#include <cstdint>

#include "fill/rows.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

template <typename T>
void fill_image(Array<T, 3> view, Array<const std::uint8_t, 2> holes, ConstMap disparity,
                int narrow) {
  const int height = static_cast<int>(holes.shape(0)), width = static_cast<int>(holes.shape(1));
  const std::size_t plane = static_cast<std::size_t>(height) * width;
  parallel_rows(height, [&](int first_row, int last_row) {
    for (int y = first_row; y < last_row; ++y) {
      const std::size_t offset = static_cast<std::size_t>(y) * width;
      T* row = view.data() + offset;
      fill::for_each_run(holes.data() + offset, disparity.data() + offset, width,
                         [&](const fill::Run& run) {
                           for (int c = 0; c < 3; ++c) fill::fill_run(run, narrow, row + c * plane);
                         });
    }
  });
}

}  // namespace

void bind_fill_around(nb::module_& module);

void bind_fill(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("fill_u8", &fill_image<std::uint8_t>, release);
  module.def("fill_f32", &fill_image<float>, release);
  bind_fill_around(module);
}

}  // namespace stereocast
