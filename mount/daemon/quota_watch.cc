#include "mount/daemon/quota_watch.h"

#include <fmt/core.h>
#include <pthread.h>

#include "fs/base/log.h"
#include "fs/quota/size.h"

namespace scratchfs::mount {

QuotaWatch::QuotaWatch(quota::Ledger& ledger)
    : ledger_(ledger), thread_([this] {
        pthread_setname_np(pthread_self(), "quotas");
        while (const auto crossing = ledger_.next_crossing())
          shortage_.survives([&] { log::warn("{}", describe(*crossing)); });
      }) {}

QuotaWatch::~QuotaWatch() {
  ledger_.end_crossings();
  thread_.join();
}

std::string describe(const quota::Crossing& crossing) {
  const bool bytes = crossing.of == quota::Crossing::Of::bytes;
  const auto show = [&](std::uint64_t number) {
    return bytes ? quota::format_size(number) : std::to_string(number);
  };
  const double share = static_cast<double>(crossing.used) / static_cast<double>(crossing.limit);
  return fmt::format("quota: uid {} uses {}% of its {}: {} of {}", crossing.uid,
                     static_cast<std::uint64_t>(share * 100), bytes ? "bytes" : "inodes",
                     show(crossing.used), show(crossing.limit));
}

}  // namespace scratchfs::mount
