#include "pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace stereocast {
namespace {

constexpr int kRowsPerChunk = 16;
constexpr int kMaxThreads = 256;

struct Job {
  int rows = 0;
  const std::function<void(int, int)>* body = nullptr;
  std::atomic<int> next_row{0};
  std::exception_ptr error;
  std::mutex error_mutex;

  void work() {
    for (int begin = next_row.fetch_add(kRowsPerChunk); begin < rows;
         begin = next_row.fetch_add(kRowsPerChunk)) {
      try {
        (*body)(begin, std::min(begin + kRowsPerChunk, rows));
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next_row.store(rows);
      }
    }
  }
};

class Pool {
 public:
  ~Pool() { resize(1); }

  void resize(int count) {
    const std::lock_guard owner(owner_);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
    for (int i = 1; i < count; ++i) workers_.emplace_back([this, g = generation_] { loop(g); });
    count_.store(count);
  }

  int count() const { return count_.load(); }

  void run(int rows, const std::function<void(int, int)>& body) {
    Job job;
    job.rows = rows;
    job.body = &body;
    std::unique_lock owner(owner_, std::try_to_lock);
    if (owner.owns_lock() && !workers_.empty() && rows > kRowsPerChunk) {
      {
        const std::lock_guard lock(mutex_);
        job_ = &job;
        busy_ = static_cast<int>(workers_.size());
        ++generation_;
      }
      wake_.notify_all();
      job.work();
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return busy_ == 0; });
      job_ = nullptr;
    } else {
      job.work();
    }
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  void loop(unsigned long seen) {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
      Job* job = job_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex owner_;  // held by the caller whose rows the workers share
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<std::thread> workers_;
  std::atomic<int> count_{1};
  Job* job_ = nullptr;
  int busy_ = 0;
  unsigned long generation_ = 0;
  bool stopping_ = false;
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

void set_threads(int count) {
  if (count < 1 || count > kMaxThreads) {
    throw std::invalid_argument("threads must be in [1, 256], got " + std::to_string(count));
  }
  if (count != pool().count()) pool().resize(count);
}

int threads() { return pool().count(); }

void parallel_rows(int rows, const std::function<void(int, int)>& body) { pool().run(rows, body); }

}  // namespace stereocast
