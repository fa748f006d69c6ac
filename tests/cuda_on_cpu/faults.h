// What to do when the compiler's checks of undefined behaviour fire: end the launch with a fault.
//
// The kernel is compiled with -fsanitize (the list is on the Python side) but linked without its
// run-time library; these are the functions that the checks call. They matter here because most of
// what they find is answered differently by CPUs and GPUs: a float outside the integer's range
// saturates on one and wraps on the other, a misaligned vector is slow on one and kills the other.
#pragma once

#include <string.h>

#include "machine.h"

namespace cuda_on_cpu {

// Where a check stands, as both GCC and Clang lay it out at the head of what they know of it.
struct Place {
  const char* file;
  unsigned line, column;
};

[[noreturn]] inline void refuse(const Place* place, const char* deed) {
  const char* slash = place->file ? strrchr(place->file, '/') : nullptr;
  fail(static_cast<int>(place->line), "%s, in %s", deed, slash ? slash + 1 : "its file");
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_FAULT(check, deed)                                              \
  extern "C" void __ubsan_handle_##check(cuda_on_cpu::Place* place, void*, void*) { \
    cuda_on_cpu::refuse(place, deed);                                               \
  }
CUDA_ON_CPU_FAULT(out_of_bounds, "indexes an array outside its bounds")
CUDA_ON_CPU_FAULT(add_overflow, "a signed sum overflows")
CUDA_ON_CPU_FAULT(sub_overflow, "a signed difference overflows")
CUDA_ON_CPU_FAULT(mul_overflow, "a signed product overflows")
CUDA_ON_CPU_FAULT(negate_overflow, "a negation overflows")
CUDA_ON_CPU_FAULT(divrem_overflow, "divides an integer by zero, or the least one by -1")
CUDA_ON_CPU_FAULT(shift_out_of_bounds, "shifts by more than the bits there are")
CUDA_ON_CPU_FAULT(type_mismatch_v1, "uses a null or misaligned pointer")
#undef CUDA_ON_CPU_FAULT

// GCC says nothing of where this happens.
extern "C" void __ubsan_handle_float_cast_overflow(void*, void*) {
  cuda_on_cpu::fail(0, "converts a float that no such integer can hold, or NaN");
}
