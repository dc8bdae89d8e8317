// Read-ahead threads: fetch spilled blocks before they are requested.
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

// Queues blocks for read-ahead. Thread-safe.
class ReadAhead {
 public:
  // Starts the threads. Nothing is owned. EAGAIN: no thread could be started.
  static base::Result<std::unique_ptr<ReadAhead>> create(Blocks& blocks);
  // Drops the reads in the queue and waits for those in progress.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Reads the blocks soon, in this order, as far as memory allows. Each block has a hold, which is
  // released afterwards. Drops the request if the queue is full. Never waits.
  void read_ahead(std::vector<Block*> held);

 private:
  // Enough concurrent requests to keep a disk busy.
  static constexpr int kThreads = 3;
  static constexpr std::size_t kBlocksPerRead = Blocks::kAheadBytes / kBlockSize;
  static constexpr std::size_t kMostWaiting = 64;

  explicit ReadAhead(Blocks& blocks) : blocks_(blocks) {}
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
