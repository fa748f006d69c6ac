#include "tensors.h"

namespace stereocast {
void bind_preprocess(nb::module_&) {}
}  // namespace stereocast
