// The one thread pool of the native CPU kernels.
//
// Rows are handed out in chunks; every row is computed by the same code whoever runs it, so results
// do not depend on the number of threads. Waiting is passive (condition variables, no spinning).
#pragma once

#include <functional>

namespace stereocast {

// Sets how many threads work on one call, the caller included. Takes effect with the next call.
void set_threads(int count);
int threads();

// Calls body(begin, end) over disjoint row ranges that cover [0, rows). Two callers at once are
// allowed: the second one runs its rows itself instead of waiting.
void parallel_rows(int rows, const std::function<void(int, int)>& body);

}  // namespace stereocast
