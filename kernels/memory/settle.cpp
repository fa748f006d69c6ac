// Settling of fills on the CPU: rows without holes cost a scan.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "memory/math.h"
#include "pool.h"
#include "tensors.h"

namespace stereocast {
namespace {

// 0xFF where a hole of this frame and the one before is filled alike in both.
STEREOCAST_MULTIVERSION
void find_alike(const std::uint8_t* const* now, const std::uint8_t* const* before,
                const std::uint8_t* __restrict holes, const std::uint8_t* __restrict were,
                int count, std::uint8_t* __restrict alike) {
  const std::uint8_t *r0 = now[0], *g0 = now[1], *b0 = now[2];
  const std::uint8_t *r1 = before[0], *g1 = before[1], *b1 = before[2];
  for (int x = 0; x < count; ++x) {
    const int difference = memory::absolute(r0[x] - r1[x]) + memory::absolute(g0[x] - g1[x]) +
                           memory::absolute(b0[x] - b1[x]);
    const int both = holes[x] & were[x] & static_cast<int>(difference < memory::kUnlike);
    alike[x] = both ? 0xFF : 0;
  }
}

STEREOCAST_MULTIVERSION
void blend(const std::uint8_t* __restrict alike, const std::uint8_t* __restrict holes, int count,
           std::uint8_t* __restrict view, std::uint8_t* __restrict kept) {
  for (int x = 0; x < count; ++x) {
    const int mixed = memory::settled(kept[x], view[x]);
    const int settled = alike[x] ? mixed : view[x];
    view[x] = static_cast<std::uint8_t>(settled);
    kept[x] = static_cast<std::uint8_t>(holes[x] ? settled : kept[x]);
  }
}

void settle(Image view, Array<const std::uint8_t, 2> holes, Array<const std::uint8_t, 1> resting,
            Image kept, Array<std::uint8_t, 2> kept_holes) {
  const int height = static_cast<int>(holes.shape(0)), width = static_cast<int>(holes.shape(1));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  const bool rests = resting.data()[0] != 0;
  parallel_rows(height, [&](int first, int last) {
    std::vector<std::uint8_t> alike(width, 0);  // stays 0 unless the background rests
    for (int y = first; y < last; ++y) {
      const std::size_t row = static_cast<std::size_t>(y) * width;
      const std::uint8_t* mask = holes.data() + row;
      std::uint8_t* were = kept_holes.data() + row;
      const void* hole = std::memchr(mask, 1, static_cast<std::size_t>(width));
      if (hole != nullptr) {
        const int begin = static_cast<int>(static_cast<const std::uint8_t*>(hole) - mask);
        int end = width;
        while (!mask[end - 1]) --end;
        std::uint8_t *views[3], *kepts[3];
        for (int c = 0; c < 3; ++c) {
          views[c] = view.data() + c * area + row + begin;
          kepts[c] = kept.data() + c * area + row + begin;
        }
        if (rests) {
          find_alike(views, kepts, mask + begin, were + begin, end - begin, alike.data());
        }
        for (int c = 0; c < 3; ++c)
          blend(alike.data(), mask + begin, end - begin, views[c], kepts[c]);
      }
      std::memcpy(were, mask, static_cast<std::size_t>(width));
    }
  });
}

}  // namespace

void bind_settle(nb::module_& module) {
  module.def("settle", &settle, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace stereocast
