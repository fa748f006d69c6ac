// Block matching on the CPU.
//
// Quarter level: for each displacement all block costs at once, as flat vector loops over the
// padded plane. Half and full level: every cell has candidates of its own, one 8×8 comparison each.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "flow/math.h"
#include "flow/pyramid.h"
#include "pool.h"
#include "tensors.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stereocast {
namespace {

using flow::Plane;
using flow::Pyramid;

struct Vector {
  int x, y;
  bool operator==(const Vector&) const = default;
};

// Vectors of one level, one per cell.
struct Field {
  int width, height;
  std::vector<Vector> cells;

  Field(int field_width, int field_height)
      : width(field_width),
        height(field_height),
        cells(static_cast<std::size_t>(field_width) * field_height) {}
  Vector& at(int x, int y) { return cells[static_cast<std::size_t>(y) * width + x]; }
  const Vector& at(int x, int y) const { return cells[static_cast<std::size_t>(y) * width + x]; }
};

// Sums of 8×8 blocks of |now − before|, flat: the sum at index i is of the block that begins there.
// What wraps from one row into the next lies in the padding and is never read.
STEREOCAST_MULTIVERSION
void block_costs(const std::uint8_t* __restrict now, const std::uint8_t* __restrict before,
                 int stride, int count, std::uint16_t* __restrict one,
                 std::uint16_t* __restrict two) {
  for (int i = 0; i < count; ++i) {
    one[i] = static_cast<std::uint16_t>(std::max(now[i], before[i]) - std::min(now[i], before[i]));
  }
  // Doubling: sums of 2, 4 and 8 along the row, then down the columns. Each pass shortens the part
  // that is valid; the arrays carry that much slack at their ends.
  const auto add = [count](const std::uint16_t* __restrict from, int distance,
                           std::uint16_t* __restrict to) {
    for (int i = 0; i < count - distance; ++i) {
      to[i] = static_cast<std::uint16_t>(from[i] + from[i + distance]);
    }
  };
  add(one, 1, two);
  add(two, 2, one);
  add(one, 4, two);
  add(two, stride, one);
  add(one, 2 * stride, two);
  add(two, 4 * stride, one);
}

STEREOCAST_MULTIVERSION
void keep_better(const std::uint16_t* __restrict cost, int surcharge, std::uint16_t number,
                 int count, std::uint16_t* __restrict best, std::uint16_t* __restrict winner) {
  for (int i = 0; i < count; ++i) {
    const std::uint16_t offered = static_cast<std::uint16_t>(cost[i] + surcharge);
    const bool better = offered < best[i];
    winner[i] = better ? number : winner[i];
    best[i] = better ? offered : best[i];
  }
}

std::vector<Vector> search_order() {
  std::vector<Vector> order;
  for (int y = -flow::kSearch; y <= flow::kSearch; ++y) {
    for (int x = -flow::kSearch; x <= flow::kSearch; ++x) order.push_back({x, y});
  }
  std::stable_sort(order.begin(), order.end(), [](const Vector& a, const Vector& b) {
    return a.x * a.x + a.y * a.y < b.x * b.x + b.y * b.y;
  });
  return order;
}

void search(const Plane& before, const Plane& now, Field& field) {
  const int stride = static_cast<int>(now.stride);
  const int count = stride * (now.height - 1) + now.width;  // first to last block
  const int reach = count + (flow::kBlock - 1) * (stride + 1);
  std::vector<std::uint16_t> one(reach), two(reach), best(count, 0xFFFF), winner(count, 0);
  const std::uint8_t* begin = now.row(-flow::kBefore) - flow::kBefore;
  const std::uint8_t* base = before.row(-flow::kBefore) - flow::kBefore;
  const std::vector<Vector> order = search_order();
  for (std::size_t n = 0; n < order.size(); ++n) {
    const auto [x, y] = order[n];
    block_costs(begin, base + y * stride + x, stride, reach, one.data(), two.data());
    const int surcharge = flow::kStepCost * (flow::absolute(x) + flow::absolute(y));
    keep_better(one.data(), surcharge, static_cast<std::uint16_t>(n), count, best.data(),
                winner.data());
  }
  for (int y = 0; y < field.height; ++y) {
    for (int x = 0; x < field.width; ++x) field.at(x, y) = order[winner[y * stride + x]];
  }
}

// The difference of two 8×8 blocks.
int block_cost(const std::uint8_t* now, const std::uint8_t* before, std::ptrdiff_t stride) {
#if defined(__SSE2__)
  const auto pair = [stride](const std::uint8_t* at) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)),
                              _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at + stride)));
  };
  __m128i sum = _mm_setzero_si128();
  for (int y = 0; y < flow::kBlock; y += 2) {
    sum = _mm_add_epi32(sum, _mm_sad_epu8(pair(now + y * stride), pair(before + y * stride)));
  }
  return _mm_cvtsi128_si32(sum) + _mm_cvtsi128_si32(_mm_srli_si128(sum, 8));
#else
  int sum = 0;
  for (int y = 0; y < flow::kBlock; ++y) {
    for (int x = 0; x < flow::kBlock; ++x) {
      sum += flow::absolute(now[y * stride + x] - before[y * stride + x]);
    }
  }
  return sum;
#endif
}

// One cell's blocks: its own in the current plane, and any in the previous one.
struct Cell {
  const std::uint8_t *now, *before;
  std::ptrdiff_t stride;

  Cell(const Plane& previous, const Plane& current, int x, int y)
      : now(current.row(y - flow::kBefore) + x - flow::kBefore),
        before(previous.row(y - flow::kBefore) + x - flow::kBefore),
        stride(current.stride) {}

  int cost(Vector v) const { return block_cost(now, before + v.y * stride + v.x, stride); }
};

struct Best {
  Vector vector;
  int cost;

  void offer(const Cell& cell, Vector candidate) {
    const int other = cell.cost(candidate);
    if (other < cost) *this = {candidate, other};
  }
};

Best refine(const Cell& cell, const Field& above, int column, int row, int reach) {
  Best best{{0, 0}, cell.cost({0, 0})};
  if (best.cost == 0) return best;
  const int columns[5] = {column, column - reach, column + reach, column, column};
  const int rows[5] = {row, row, row, row - reach, row + reach};
  Vector tried[flow::kCandidates] = {{0, 0}};
  int count = 1;
  for (int n = 0; n < 5; ++n) {
    const Vector parent = above.at(flow::clamp(columns[n], 0, above.width - 1),
                                   flow::clamp(rows[n], 0, above.height - 1));
    const Vector candidate{2 * parent.x, 2 * parent.y};
    if (std::find(tried, tried + count, candidate) != tried + count) continue;
    tried[count++] = candidate;
    best.offer(cell, candidate);
  }
  const Vector centre = best.vector;
  for (int n = 0; n < flow::kRing && best.cost > 0; ++n) {
    best.offer(cell, {centre.x + flow::ring_x(n), centre.y + flow::ring_y(n)});
  }
  return best;
}

void refine_half(const Plane& before, const Plane& now, const Field& above, Field& field) {
  parallel_rows(field.height, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      for (int x = 0; x < field.width; ++x) {
        field.at(x, y) =
            refine(Cell(before, now, x, y), above, x / 2, y / 2, flow::kHalfReach).vector;
      }
    }
  });
}

// Differences of a cell's four pixels: from rest, and from the previous picture moved by `v`, in
// sixteenths.
struct Errors {
  int still, moved;
};

Errors errors(const Plane& before, const Plane& now, int x, int y, Vector v) {
  const std::ptrdiff_t stride = now.stride;
  const std::uint8_t* here = now.row(y) + x;
  const std::uint8_t* rest = before.row(y) + x;
  const std::uint8_t* from =
      before.row(y + (v.y >> 4)) + x + (v.x >> 4);  // an arithmetic shift rounds down
  Errors sum{0, 0};
  for (int n = 0; n < 4; ++n) {
    const std::ptrdiff_t at = (n >> 1) * stride + (n & 1);
    const int value = flow::mix(from[at], from[at + 1], from[at + stride], from[at + stride + 1],
                                v.x & 15, v.y & 15);
    sum.still += flow::absolute(rest[at] - here[at]);
    sum.moved += flow::absolute(value - here[at]);
  }
  return sum;
}

void refine_full(const Plane& before, const Plane& now, const Field& above, Field& field,
                 std::vector<Errors>& sums) {
  parallel_rows(field.height, [&](int begin, int end) {
    for (int y = begin; y < end; ++y) {
      for (int x = 0; x < field.width; ++x) {
        const Cell cell(before, now, 2 * x, 2 * y);
        const auto [v, cost] = refine(cell, above, x, y, flow::kFullReach);
        Vector fine{v.x * flow::kSubpixel, v.y * flow::kSubpixel};
        if (cost > 0) {
          fine.x += flow::vertex(cell.cost({v.x - 1, v.y}), cost, cell.cost({v.x + 1, v.y}));
          fine.y += flow::vertex(cell.cost({v.x, v.y - 1}), cost, cell.cost({v.x, v.y + 1}));
        }
        field.at(x, y) = fine;
        sums[static_cast<std::size_t>(y) * field.width + x] =
            errors(before, now, 2 * x, 2 * y, fine);
      }
    }
  });
}

// Where rest explains 5×5 cells as well as their vectors do.
void find_resting(const std::vector<Errors>& sums, int width, int height, int gate,
                  std::vector<std::uint8_t>& resting) {
  parallel_rows(height, [&](int begin, int end) {
    std::vector<int> column(width);
    for (int y = begin; y < end; ++y) {
      std::fill(column.begin(), column.end(), 0);
      for (int j = -flow::kBox; j <= flow::kBox; ++j) {
        const Errors* row =
            sums.data() + static_cast<std::size_t>(flow::clamp(y + j, 0, height - 1)) * width;
        for (int x = 0; x < width; ++x) column[x] += row[x].still - row[x].moved;
      }
      for (int x = 0; x < width; ++x) {
        int sum = 0;
        for (int i = -flow::kBox; i <= flow::kBox; ++i) {
          sum += column[flow::clamp(x + i, 0, width - 1)];
        }
        resting[static_cast<std::size_t>(y) * width + x] = sum < gate;
      }
    }
  });
}

void write(const Field& field, const std::vector<std::uint8_t>& resting, float* flow) {
  const int width = field.width, height = field.height;
  const std::size_t area = static_cast<std::size_t>(width) * height;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      bool rests = true;
      for (int j = std::max(y - 1, 0); j <= std::min(y + 1, height - 1); ++j) {
        for (int i = std::max(x - 1, 0); i <= std::min(x + 1, width - 1); ++i) {
          rests &= resting[static_cast<std::size_t>(j) * width + i] != 0;
        }
      }
      const Vector v = rests ? Vector{0, 0} : field.at(x, y);
      flow[static_cast<std::size_t>(y) * width + x] = static_cast<float>(v.x) / flow::kSubpixel;
      flow[area + static_cast<std::size_t>(y) * width + x] =
          static_cast<float>(v.y) / flow::kSubpixel;
    }
  }
}

template <typename T>
void match(Array<const T, 3> previous, Array<const T, 3> current, int gate,
           Array<float, 3> result) {
  const int channels = static_cast<int>(current.shape(0));
  const int height = static_cast<int>(current.shape(1)), width = static_cast<int>(current.shape(2));
  Pyramid before(width, height), now(width, height);
  before.build(previous.data(), channels);
  now.build(current.data(), channels);
  Field coarse(now.quarter.width, now.quarter.height);
  Field middle(now.half.width, now.half.height), fine(now.half.width, now.half.height);
  search(before.quarter, now.quarter, coarse);
  refine_half(before.half, now.half, coarse, middle);
  std::vector<Errors> sums(fine.cells.size());
  refine_full(before.full, now.full, middle, fine, sums);
  std::vector<std::uint8_t> resting(fine.cells.size());
  find_resting(sums, fine.width, fine.height, gate, resting);
  write(fine, resting, result.data());
}

}  // namespace

void bind_flow(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("flow_u8", &match<std::uint8_t>, release);
  module.def("flow_f32", &match<float>, release);
}

}  // namespace stereocast
