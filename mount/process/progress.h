// A progress line on the terminal for an operation that takes long.
#pragma once

#include <string>
#include <thread>

#include "fs/base/mutex.h"

namespace scratchfs::mount {

// While the object exists, writes `scratchfs: WHAT, N s` to stderr once a second, starting after
// one second; erases the line when destroyed. Writes nothing if stderr is not a terminal or this
// process is in the background.
//
// Runs a thread, so destroy the object before fork(2).
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();

 private:
  void tell();

  const std::string what_;
  base::Mutex mutex_;
  base::Condition changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace scratchfs::mount
