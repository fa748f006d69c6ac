// The refiner's maps on the CPU: rows of pixels, or of cells for the features, side by side.
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "pool.h"
#include "refine/math.h"
#include "tensors.h"

namespace stereocast {
namespace {

using Maps = Array<float, 3>;             // [B, h, w]
using ConstMaps = Array<const float, 3>;  // [B, h, w]

template <typename Body>
void by_rows(const ConstMaps& maps, const Body& body) {
  const std::size_t width = maps.shape(2);
  parallel_rows(static_cast<int>(maps.shape(0) * maps.shape(1)),
                [&](int begin, int end) { body(begin * width, (end - begin) * width); });
}

// Sums of three pixels' differences, over all channels, edges continued.
STEREOCAST_MULTIVERSION
void add_differences(const std::uint8_t* __restrict moved, const std::uint8_t* __restrict picture,
                     std::size_t area, int width, std::int32_t* __restrict differences,
                     std::int32_t* __restrict sums) {
  for (int x = 0; x < width; ++x) {
    int sum = 0;
    for (int c = 0; c < 3; ++c) sum += std::abs(moved[c * area + x] - picture[c * area + x]);
    differences[x + 1] = sum;
  }
  differences[0] = differences[1];
  differences[width + 1] = differences[width];
  for (int x = 0; x < width; ++x) {
    sums[x] += differences[x] + differences[x + 1] + differences[x + 2];
  }
}

STEREOCAST_MULTIVERSION
void mean_error(const std::int32_t* sums, const std::uint8_t* __restrict inside, int width,
                float* __restrict error) {
  for (int x = 0; x < width; ++x) {
    error[x] = inside[x] ? static_cast<float>(sums[x]) / (9 * 3 * 255.0f) : 1.0f;
  }
}

void picture_error(Array<const std::uint8_t, 4> moved, Array<const std::uint8_t, 4> picture,
                   Array<const std::uint8_t, 3> inside, Maps error) {
  const int height = static_cast<int>(error.shape(1)), width = static_cast<int>(error.shape(2));
  const std::size_t area = static_cast<std::size_t>(height) * width;
  parallel_rows(static_cast<int>(error.shape(0)) * height, [&](int begin, int end) {
    std::vector<std::int32_t> differences(width + 2), sums(width);
    for (int row = begin; row < end; ++row) {
      const int batch = row / height, y = row % height;
      std::fill(sums.begin(), sums.end(), 0);
      for (int j = y - 1; j <= y + 1; ++j) {
        const std::size_t at = 3 * area * batch + std::clamp(j, 0, height - 1) * width;
        add_differences(moved.data() + at, picture.data() + at, area, width, differences.data(),
                        sums.data());
      }
      const std::size_t at = static_cast<std::size_t>(row) * width;
      mean_error(sums.data(), inside.data() + at, width, error.data() + at);
    }
  });
}

STEREOCAST_MULTIVERSION
void confidence_row(const float* __restrict sigma, const float* __restrict before,
                    const float* __restrict history, std::size_t count, float* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = refine::confidence(sigma[i], before[i], history[i]);
  }
}

void confidence(ConstMaps sigma, ConstMaps before, ConstMaps history, Maps out) {
  by_rows(sigma, [&](std::size_t at, std::size_t count) {
    confidence_row(sigma.data() + at, before.data() + at, history.data() + at, count,
                   out.data() + at);
  });
}

STEREOCAST_MULTIVERSION
void predict_row(const float* __restrict history, const float* __restrict teacher,
                 const float* __restrict variance, const float* __restrict confidence,
                 const float* __restrict error, float frames, refine::Gate gate, std::size_t count,
                 float* __restrict gain, float* __restrict grown) {
  for (std::size_t i = 0; i < count; ++i) {
    grown[i] = refine::grown_variance(variance[i], error[i], frames);
    gain[i] = refine::gain(history[i], teacher[i], grown[i], confidence[i], gate);
  }
}

void predict(ConstMaps history, ConstMaps teacher, ConstMaps variance, ConstMaps confidence,
             ConstMaps error, Array<const float, 1> frames, float deviations, float floor,
             Maps gain, Maps grown) {
  const std::size_t width = teacher.shape(2), height = teacher.shape(1);
  parallel_rows(static_cast<int>(teacher.shape(0) * height), [&](int begin, int end) {
    for (int row = begin; row < end; ++row) {
      const std::size_t at = row * width;
      predict_row(history.data() + at, teacher.data() + at, variance.data() + at,
                  confidence.data() + at, error.data() + at, frames.data()[row / height],
                  {deviations, floor}, width, gain.data() + at, grown.data() + at);
    }
  });
}

STEREOCAST_MULTIVERSION
void bound_row(const float* __restrict teacher, const float* __restrict confidence,
               refine::Limits limits, std::size_t count, float* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = refine::bound(teacher[i], confidence[i], limits);
}

void bound(ConstMaps teacher, ConstMaps confidence, float alpha, float beta, float gamma,
           Maps out) {
  by_rows(teacher, [&](std::size_t at, std::size_t count) {
    bound_row(teacher.data() + at, confidence.data() + at, {alpha, beta, gamma}, count,
              out.data() + at);
  });
}

STEREOCAST_MULTIVERSION
void correct_row(const float* __restrict gain, const float* __restrict logit, std::size_t count,
                 float* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = refine::corrected(gain[i], logit[i]);
}

STEREOCAST_MULTIVERSION
void blend_row(const float* __restrict history, const float* __restrict teacher,
               const float* __restrict gain, const float* __restrict residual,
               const float* __restrict limit, std::size_t count, float* __restrict answer,
               std::uint8_t* __restrict hits) {
  for (std::size_t i = 0; i < count; ++i) {
    answer[i] = (1.0f - gain[i]) * (history[i] - teacher[i]) + 0.05f * residual[i];
  }
  for (std::size_t i = 0; i < count; ++i) hits[i] = fabsf(answer[i]) > limit[i];
  for (std::size_t i = 0; i < count; ++i) {
    answer[i] = teacher[i] + limit[i] * tanh_of(answer[i] / limit[i]);
  }
}

STEREOCAST_MULTIVERSION
void carry_row(const float* __restrict grown, const float* __restrict length,
               const float* __restrict gain, std::size_t count, float* __restrict variance,
               float* __restrict new_length) {
  for (std::size_t i = 0; i < count; ++i) {
    variance[i] = (1.0f - gain[i]) * grown[i];
    new_length[i] = (length[i] + 1.0f) * (1.0f - gain[i]);
  }
}

void fuse(ConstMaps history, ConstMaps teacher, ConstMaps grown, ConstMaps gain, ConstMaps length,
          ConstMaps limit, std::optional<Array<const float, 4>> correction, Maps answer,
          Maps variance, Maps new_length, Array<std::uint8_t, 3> hits) {
  const std::size_t width = teacher.shape(2), height = teacher.shape(1), area = width * height;
  parallel_rows(static_cast<int>(teacher.shape(0) * height), [&](int begin, int end) {
    std::vector<float> own(width), none(width);
    for (int row = begin; row < end; ++row) {
      const std::size_t at = row * width;
      const float *trust = gain.data() + at, *residual = none.data();
      if (correction) {
        const float* logit = correction->data() + at + row / height * area;  // 2 planes a map
        correct_row(trust, logit, width, own.data());
        trust = own.data();
        residual = logit + area;
      }
      blend_row(history.data() + at, teacher.data() + at, trust, residual, limit.data() + at, width,
                answer.data() + at, hits.data() + at);
      carry_row(grown.data() + at, length.data() + at, trust, width, variance.data() + at,
                new_length.data() + at);
    }
  });
}

}  // namespace

void bind_refine(nb::module_& module) {
  const auto release = nb::call_guard<nb::gil_scoped_release>();
  module.def("refine_picture_error", &picture_error, release);
  module.def("refine_confidence", &confidence, release);
  module.def("refine_predict", &predict, release);
  module.def("refine_bound", &bound, release);
  module.def("refine_fuse", &fuse, nb::arg("history"), nb::arg("teacher"), nb::arg("grown"),
             nb::arg("gain"), nb::arg("length"), nb::arg("limit"), nb::arg("correction").none(),
             nb::arg("answer"), nb::arg("variance"), nb::arg("new_length"), nb::arg("hits"),
             release);
}

}  // namespace stereocast
