// Runs a grid of CUDA blocks on one CPU thread: every CUDA thread is a fiber, barriers switch them.
//
// Blocks run one after another; in a block every thread runs until it waits or ends, then the next
// one does. The order of blocks and threads is a choice of the caller, because a kernel without
// races cannot tell one order from another. Shared memory is filled with a pattern before every
// block. What CUDA leaves undefined, and this can see, is a fault: it ends the launch with a text.
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <memory>
#include <utility>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

// All `__shared__` variables lie in one section, whose ends the linker names if there are any.
extern "C" char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));

namespace cuda_on_cpu {

constexpr int kStackBytes = 256 << 10;

constexpr int kRedBytes = 4 << 10;  // behind dynamic shared memory, where nobody may write

alignas(128) unsigned char dynamic_shared[kDynamicBytes + kRedBytes];

namespace {

enum class Order { kForward, kBackward, kShuffled };

enum class State { kReady, kWaitsForWarp, kWaitsForBlock, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
};

struct Thread {
  uint3 index = {};
  State state = State::kReady;
  unsigned mask = 0;  // of the lanes it waits for, if it waits for its warp
  int line = 0;       // where it waits
  std::unique_ptr<Fiber> fiber;
};

struct Warp {
  unsigned long long slot[32];  // what lanes show each other
};

class Machine {
 public:
  const char* run(const Launch& launch, void (*body)(void**), void** arguments) {
    body_ = body, arguments_ = arguments, fault_[0] = 0, random_ = 1;
    order_ = static_cast<Order>(launch.order), shared_bytes_ = launch.shared_bytes;
    gridDim = {launch.grid[0], launch.grid[1], launch.grid[2]};
    blockDim = {launch.block[0], launch.block[1], launch.block[2]};
    for (const unsigned block : in_order(gridDim.x * gridDim.y * gridDim.z)) {
      blockIdx = unravelled(block, gridDim);
      run_block();
      if (fault_[0]) break;
    }
    threads_.clear();  // fibers that a fault left in the middle are of no use to anybody
    if (fault_[0]) idle_.clear();
    return fault_;
  }

  [[noreturn]] void fail(int line, const char* reason) {
    report(threads_[current_], line, reason);
    for (;;) leave();
  }

  void wait(State state, unsigned mask, int line) {
    Thread& thread = threads_[current_];
    thread.state = state, thread.mask = mask, thread.line = line;
    leave();
  }

  unsigned lane() const { return current_ % 32; }
  Warp& warp() { return warps_[current_ / 32]; }
  int tally = 0;

 private:
  static uint3 unravelled(unsigned index, dim3 size) {
    return {index % size.x, index / size.x % size.y, index / size.x / size.y};
  }

  std::vector<unsigned> in_order(unsigned count) {
    std::vector<unsigned> order(count);
    for (unsigned i = 0; i < count; ++i) {
      order[i] = order_ == Order::kBackward ? count - 1 - i : i;
    }
    for (unsigned i = count; order_ == Order::kShuffled && i > 1; --i) {
      random_ = random_ * 6364136223846793005ull + 1442695040888963407ull;
      std::swap(order[i - 1], order[(random_ >> 33) % i]);
    }
    return order;
  }

  void run_block() {
    const unsigned count = blockDim.x * blockDim.y * blockDim.z;
    // Patterns differ between orders: what is read before it was written changes the result.
    const int pattern = 0xA5 ^ (0x1F * static_cast<int>(order_));
    memset(__start_cuda_shared, pattern, __stop_cuda_shared - __start_cuda_shared);
    memset(dynamic_shared, pattern, shared_bytes_ + kRedBytes);
    threads_.clear(), threads_.resize(count), warps_.resize((count + 31) / 32);
    for (unsigned i = 0; i < count; ++i) threads_[i].index = unravelled(i, blockDim);
    do {
      for (const unsigned i : in_order(count)) {
        if (threads_[i].state == State::kReady) resume(i);
        if (fault_[0]) return;
      }
    } while (release());
    for (int i = shared_bytes_; i < shared_bytes_ + kRedBytes; ++i) {
      if (dynamic_shared[i] == pattern) continue;
      return report(threads_[0], 0, "the block wrote behind its dynamic shared memory");
    }
  }

  void resume(unsigned index) {
    Thread& thread = threads_[index];
    if (!thread.fiber) thread.fiber = idle_fiber();
    current_ = index, threadIdx = thread.index;
    swapcontext(&scheduler_, &thread.fiber->context);
    if (thread.state == State::kDone) idle_.push_back(std::move(thread.fiber));
  }

  std::unique_ptr<Fiber> idle_fiber() {
    if (!idle_.empty()) {
      std::unique_ptr<Fiber> fiber = std::move(idle_.back());
      idle_.pop_back();
      return fiber;
    }
    auto fiber = std::make_unique<Fiber>();
    getcontext(&fiber->context);
    fiber->context.uc_stack = {fiber->stack.get(), 0, kStackBytes};
    fiber->context.uc_link = nullptr;
    makecontext(&fiber->context, &Machine::live, 0);
    return fiber;
  }

  // What a fiber does: be one thread after another.
  static void live();

  void leave() { swapcontext(&threads_[current_].fiber->context, &scheduler_); }

  // Let those go on who have waited for each other; false if nobody is left, or nobody can go on.
  bool release() {
    bool released = false;
    for (unsigned first = 0; first < threads_.size(); ++first) released |= release_warp_of(first);
    if (released) return true;
    const Thread* earlier = nullptr;
    for (const Thread& thread : threads_) {
      if (thread.state == State::kDone) continue;
      if (!earlier) earlier = &thread;
      if (thread.state == State::kWaitsForBlock && thread.line == earlier->line &&
          earlier->state == State::kWaitsForBlock) {
        continue;
      }
      char reason[96];
      snprintf(reason, sizeof reason, "waits in vain: thread (%u, %u, %u) waits in line %d",
               thread.index.x, thread.index.y, thread.index.z, thread.line);
      report(*earlier, earlier->line, reason);
      return false;
    }
    for (Thread& thread : threads_) {
      if (thread.state == State::kWaitsForBlock) thread.state = State::kReady;
    }
    return earlier != nullptr;
  }

  bool release_warp_of(unsigned index) {
    const Thread& thread = threads_[index];
    if (thread.state != State::kWaitsForWarp) return false;
    const auto is_member = [&](unsigned other) {
      return other < threads_.size() && thread.mask >> other % 32 & 1u &&
             threads_[other].state != State::kDone;
    };
    const unsigned begin = index / 32 * 32, mask = thread.mask;
    for (unsigned i = begin; i < begin + 32; ++i) {
      if (!is_member(i)) continue;
      const Thread& other = threads_[i];
      if (other.state != State::kWaitsForWarp || other.mask != mask || other.line != thread.line) {
        return false;
      }
    }
    for (unsigned i = begin; i < begin + 32; ++i) {
      if (is_member(i)) threads_[i].state = State::kReady;
    }
    return true;
  }

  void report(const Thread& thread, int line, const char* reason) {
    if (fault_[0]) return;
    snprintf(fault_, sizeof fault_, "block (%u, %u, %u), thread (%u, %u, %u), line %d: %s",
             blockIdx.x, blockIdx.y, blockIdx.z, thread.index.x, thread.index.y, thread.index.z,
             line, reason);
  }

  void (*body_)(void**) = nullptr;
  void** arguments_ = nullptr;
  Order order_ = Order::kForward;
  int shared_bytes_ = 0;
  unsigned long long random_ = 1;
  unsigned current_ = 0;
  ucontext_t scheduler_ = {};
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> idle_;
  char fault_[512] = "";
};

Machine machine;

void Machine::live() {
  for (;;) {
    machine.body_(machine.arguments_);
    machine.threads_[machine.current_].state = State::kDone;
    machine.leave();
  }
}

}  // namespace

const char* run(const Launch& launch, void (*body)(void**), void** arguments) {
  return machine.run(launch, body, arguments);
}

void fail(int line, const char* format, ...) {
  char reason[256];
  va_list values;
  va_start(values, format);
  vsnprintf(reason, sizeof reason, format, values);
  va_end(values);
  machine.fail(line, reason);
}

void wait_for_block(int line) { machine.wait(State::kWaitsForBlock, ~0u, line); }

void wait_for_warp(unsigned mask, int line) {
  if (!(mask >> lane() & 1u)) fail(line, "mask %08x leaves out the calling lane", mask);
  machine.wait(State::kWaitsForWarp, mask, line);
}

unsigned lane() { return machine.lane(); }
unsigned long long* slots() { return machine.warp().slot; }
int& tally() { return machine.tally; }

}  // namespace cuda_on_cpu
