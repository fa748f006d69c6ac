#include "tensors.h"

namespace stereocast {
void bind_raycast(nb::module_&) {}
}  // namespace stereocast
