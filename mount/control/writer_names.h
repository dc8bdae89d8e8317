// Finds the processes and session leaders of the threads that write, for `scratchfs top`.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/kernel/metrics/write_totals.h"

namespace scratchfs::mount {

struct NamedWriter {
  kernel::Writer writer;
  pid_t process = 0;    // 0: the thread ended before it was looked up
  std::string command;  // empty if `process` is 0
  std::string leader;   // command of the session leader; empty: it has ended or is not shown
  bool living = false;
};

// Reads /proc only when asked, so that writes cost nothing extra, and for each writer at most once
// a second. Remembers a name for as long as its writer is listed, so that it outlives the thread.
// Thread-safe.
class WriterNames {
 public:
  // Names the writers of user `only`, or all if that is nullopt. `writers` must be all that there
  // are, since the names of others are forgotten. A user is shown only session leaders of their
  // own.
  std::vector<NamedWriter> name(const std::vector<kernel::Writer>& writers,
                                std::optional<uid_t> only) EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kGoodFor{1};
  struct Name {
    pid_t process = 0;
    std::string command;
    bool living = false;
    Clock::time_point looked{};
  };
  struct Leader {
    std::string command;
    std::optional<uid_t> uid = std::nullopt;  // nullopt: it has ended
    Clock::time_point looked{};
  };
  using Key = std::pair<pid_t, std::int64_t>;  // thread, and the time of its first write

  void forget_all_but(const std::vector<kernel::Writer>& writers) REQUIRES(mutex_);
  static void look_at(const kernel::Writer& writer, std::int64_t booted, Clock::time_point now,
                      Name& name);
  static Leader leader_now(pid_t session, Clock::time_point now);

  base::Mutex mutex_{base::Rank::control};
  std::map<Key, Name> names_ GUARDED_BY(mutex_);
  std::map<pid_t, Leader> leaders_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
