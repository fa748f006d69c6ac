// What a kernel compiled as C++ asks of the machine that runs it; `machine.cpp` is that machine.
//
// Light on purpose: every kernel's translation unit includes it, the machine is compiled once.
#pragma once

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_on_cpu {

// What the smallest supported architecture can give.
constexpr int kDynamicBytes = 64 << 10;
extern unsigned char dynamic_shared[];

// Laid out as the Python side fills it.
struct Launch {
  unsigned grid[3], block[3];
  int shared_bytes, order;
};

// Run every block; return an empty text, or the fault that ended the launch.
const char* run(const Launch& launch, void (*body)(void**), void** arguments);

// For the thread that runs: end the launch with a fault.
[[noreturn]] __attribute__((format(printf, 2, 3))) void fail(int line, const char* format, ...);

// For the thread that runs: wait until all live threads of its block, or of its warp as far as
// `mask` names them, wait in the same line.
void wait_for_block(int line);
void wait_for_warp(unsigned mask, int line);

unsigned lane();              // of the thread that runs
unsigned long long* slots();  // 32, one per lane of its warp, where lanes show each other numbers
int& tally();                 // of the block, for __syncthreads_count and its like

}  // namespace cuda_on_cpu
