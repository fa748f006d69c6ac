// The nanobind module of the native CPU kernels: one bind function per op, defined beside the op.
#include <nanobind/nanobind.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "pool.h"

namespace nb = nanobind;

namespace stereocast {
void bind_raycast(nb::module_& module);
void bind_preprocess(nb::module_& module);
void bind_disparity(nb::module_& module);
void bind_softness(nb::module_& module);
void bind_warp(nb::module_& module);
void bind_fill(nb::module_& module);
void bind_flow(nb::module_& module);
void bind_reproject(nb::module_& module);
void bind_remember(nb::module_& module);
void bind_recall(nb::module_& module);
void bind_settle(nb::module_& module);
void bind_scan(nb::module_& module);
void bind_refine(nb::module_& module);
void bind_refine_features(nb::module_& module);
void bind_refine_line(nb::module_& module);
void bind_refine_median(nb::module_& module);
void bind_pack(nb::module_& module);
void bind_formats(nb::module_& module);
}  // namespace stereocast

namespace {

// Frames are allocated and freed thirty times a second: keep their pages instead of handing them to
// the system and faulting them in again.
void retain_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "Native CPU kernels of stereocast.";
  module.def("set_threads", &stereocast::set_threads, nb::call_guard<nb::gil_scoped_release>());
  module.def("threads", &stereocast::threads);
  module.def("retain_freed_memory", &retain_freed_memory);
  stereocast::bind_raycast(module);
  stereocast::bind_preprocess(module);
  stereocast::bind_disparity(module);
  stereocast::bind_softness(module);
  stereocast::bind_warp(module);
  stereocast::bind_fill(module);
  stereocast::bind_flow(module);
  stereocast::bind_reproject(module);
  stereocast::bind_remember(module);
  stereocast::bind_recall(module);
  stereocast::bind_settle(module);
  stereocast::bind_scan(module);
  stereocast::bind_refine(module);
  stereocast::bind_refine_features(module);
  stereocast::bind_refine_line(module);
  stereocast::bind_refine_median(module);
  stereocast::bind_pack(module);
  stereocast::bind_formats(module);
}
