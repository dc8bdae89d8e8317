// Threads that read spilled blocks ahead of need.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/blocks.h"

namespace scratchfs::store {

// Thread-safe.
class Reader {
 public:
  // Starts the threads. Nothing is owned. EAGAIN: no thread could be made.
  static base::Result<std::unique_ptr<Reader>> create(Blocks& blocks);
  // Drops what has not begun, waits for what has.
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Reads them soon, in this order, as far as memory allows; each has a hold, which is let go then.
  // Dropped where much is waiting already. Never waits.
  void read_ahead(std::vector<Block*> held);

 private:
  // Enough requests at a time to keep a disk busy.
  static constexpr int kThreads = 3;
  static constexpr std::size_t kBlocksPerRead = Blocks::kAheadBytes / kBlockSize;
  static constexpr std::size_t kMostWaiting = 64;

  explicit Reader(Blocks& blocks) : blocks_(blocks) {}
  void run() EXCLUDES(mutex_);
  std::vector<Block*>::iterator enqueue(std::vector<Block*>& held) REQUIRES(mutex_);
  void let_go(std::span<Block* const> held);

  Blocks& blocks_;
  base::MemoryShortage memory_{"reading ahead"};
  base::Mutex mutex_;
  base::Condition something_to_do_;
  std::list<std::vector<Block*>> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace scratchfs::store
