// Which processes the threads that write belong to.
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
  pid_t process = 0;    // 0: it had ended before anyone asked
  std::string command;  // empty: as above
  std::string leader;   // the program that leads the session; empty: it has ended
  bool living = false;
};

// Looks into /proc when it is asked, never before: writing costs nothing of this; and at each
// writer once a second, however often it is asked. Names of threads are remembered for as long as
// their writers are, so that they outlive the threads. Thread-safe.
class WriterNames {
 public:
  // Of `writers`, which are all that there are, those of user `only`, who is told of leaders that
  // are his; nullopt: all.
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
    std::optional<uid_t> uid = std::nullopt;  // none: it has ended
    Clock::time_point looked{};
  };
  using Key = std::pair<pid_t, std::int64_t>;  // thread, and when it first wrote

  void forget_all_but(const std::vector<kernel::Writer>& writers) REQUIRES(mutex_);
  static void look_at(const kernel::Writer& writer, std::int64_t booted, Clock::time_point now,
                      Name& name);
  static Leader leader_now(pid_t session, Clock::time_point now);

  base::Mutex mutex_{base::Rank::control};
  std::map<Key, Name> names_ GUARDED_BY(mutex_);
  std::map<pid_t, Leader> leaders_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::mount
