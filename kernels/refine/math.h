// The refiner's arithmetic for one pixel, shared by the CPU and the CUDA kernels; what it means is
// in __init__.py, its definition in reference.py. Comparisons let what is no number through.
#pragma once

#include "exponential.h"

namespace stereocast::refine {

constexpr float kSigma = 0.02f;            // error at which confidence is 1/e
constexpr float kLeastConfidence = 0.02f;  // also what is left of it at any error
constexpr float kMemory = 0.8f;            // share of the confidence before
constexpr float kStepVariance = 0.004f * 0.004f;
constexpr float kLeastGain = 0.01f, kMostGain = 0.995f;
constexpr double kTukey = 4.685;        // spreads beyond which a residual says nothing
constexpr double kMadToSigma = 1.4826;  // from the median residual to a standard deviation
constexpr int kCell = 4;                // pixels each way of a cell of the low grid
constexpr int kFeatures = 9;            // planes that the network looks at

STEREOCAST_BOTH float clamped(float value, float low, float high) {
  const float least = value < low ? low : value;
  return least > high ? high : least;
}

STEREOCAST_BOTH float confidence(float sigma, float before, float history) {
  const float now = clamped(exponential(-sigma / kSigma), kLeastConfidence, 1.0f);
  return now + kMemory * clamped(history, 0.0f, 1.0f) * (before - now);
}

STEREOCAST_BOTH float teacher_variance(float confidence) {
  const float deviation = 0.004f - kSigma * logarithm(confidence);
  return deviation * deviation;
}

// What a difference may be without being news.
struct Gate {
  float deviations, floor;
};

STEREOCAST_BOTH float grown_variance(float variance, float error, float frames) {
  return variance + frames * kStepVariance + (0.4f * error) * (0.4f * error);
}

STEREOCAST_BOTH float gain(float history, float teacher, float grown, float confidence, Gate gate) {
  const float total = grown + teacher_variance(confidence);
  const float allowed = gate.deviations * sqrtf(total) + gate.floor;
  const float excess = fabsf(history - teacher) / allowed - 1.0f;
  const float news = exponential(-3.0f * (excess < 0.0f ? 0.0f : excess));
  return clamped(1.0f - (1.0f - grown / total) * news, kLeastGain, kMostGain);
}

// How far the answer may go: alpha, beta in metres (0: there are none), gamma.
struct Limits {
  float alpha, beta, gamma;
};

STEREOCAST_BOTH float bound(float teacher, float confidence, Limits limits) {
  const float near = limits.beta > 0.0f ? limits.beta * exponential(-teacher) : 0.0f;
  const float reach = near < limits.alpha ? limits.alpha : near;
  return reach * (limits.gamma + 1.0f - confidence);
}

STEREOCAST_BOTH float corrected(float gain, float logit) {
  return sigmoid(logarithm(gain / (1.0f - gain)) + logit);
}

struct Features {
  float planes[kFeatures];
};

STEREOCAST_BOTH Features features(float teacher, float history, float confidence, float error,
                                  float slope, float now, float before, float length) {
  const float innovation = 10.0f * (history - teacher);
  return {{teacher, confidence, innovation, fabsf(innovation), 10.0f * error, 5.0f * slope, now,
           5.0f * (now - before), length / 8.0f}};
}

}  // namespace stereocast::refine
