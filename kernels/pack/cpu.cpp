#include "tensors.h"

namespace stereocast {
void bind_pack(nb::module_&) {}
}  // namespace stereocast
