// A line on the terminal while something takes long.
#pragma once

#include <string>
#include <thread>

#include "fs/base/mutex.h"

namespace scratchfs::mount {

// While it exists: after a second, and each second from then on, `scratchfs: WHAT, 1 s` on stderr;
// at its end the line is taken away again. Nothing where stderr is no terminal, or one of which
// this process is in the background.
//
// Its thread must have ended before a fork(2).
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void tell();

  const std::string what_;
  base::Mutex mutex_;
  base::Condition changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace scratchfs::mount
