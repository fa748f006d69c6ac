#include "tensors.h"

namespace stereocast {
void bind_fill(nb::module_&) {}
}  // namespace stereocast
