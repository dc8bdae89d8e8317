// Which processes the threads that write belong to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/kernel/writers.h"

namespace scratchfs::mount {

struct NamedWriter {
  kernel::Writer writer;
  pid_t process = 0;    // 0: it had ended before anyone asked
  std::string command;  // empty: as above
  bool living = false;
};

// Looks into /proc when it is asked, never before: writing costs nothing of this. Names of threads
// are remembered for as long as their writers are, so that they outlive the threads. Thread-safe.
class WriterNames {
 public:
  std::vector<NamedWriter> name(const std::vector<kernel::Writer>& writers) EXCLUDES(mutex_);
  // The program that leads the session; empty where that has ended.
  static std::string leader_of(pid_t session);

 private:
  struct Name {
    pid_t process = 0;
    std::string command;
  };
  using Key = std::pair<pid_t, std::int64_t>;  // thread, and when it first wrote

  base::Mutex mutex_;
  std::map<Key, Name> names_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
