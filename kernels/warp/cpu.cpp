#include "tensors.h"

namespace stereocast {
void bind_warp(nb::module_&) {}
}  // namespace stereocast
