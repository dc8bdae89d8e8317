// Logs a warning when a user comes near a limit.
#pragma once

#include <string>
#include <thread>

#include "fs/base/memory_shortage.h"
#include "fs/quota/ledger.h"

namespace scratchfs::mount {

// Runs a thread of its own, because a user crosses the threshold in a request, which must not wait
// for the log.
class QuotaWatch {
 public:
  // Does not own the ledger, which must outlive the watch. A ledger has at most one watch, ever.
  explicit QuotaWatch(quota::Ledger& ledger);
  ~QuotaWatch();

 private:
  quota::Ledger& ledger_;
  base::MemoryShortage shortage_{"telling the log of a user near a limit"};
  std::thread thread_;
};

// `quota: uid 1000 uses 90% of its bytes: 18.0G of 20.0G`.
std::string describe(const quota::Crossing& crossing);

}  // namespace scratchfs::mount
