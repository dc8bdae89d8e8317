#include "fs/kernel/metrics/write_totals.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <new>

namespace scratchfs::kernel {

namespace {

void add(Writer& writer, std::uint64_t bytes, std::int64_t now) {
  writer.bytes += bytes;
  writer.last = now;
}

}  // namespace

void Writers::note(const tree::Caller& caller, std::uint64_t bytes) noexcept {
  const std::int64_t now = std::time(nullptr);
  const std::uint64_t number = key(caller.pid, caller.uid);
  Shard& shard = shards_[static_cast<std::size_t>(caller.pid) % kShards];
  {
    base::Lock lock(shard.mutex);
    const auto at = shard.threads.find(number);
    if (at != shard.threads.end()) return add(at->second, bytes, now);
  }
  const pid_t session = caller.pid > 0 ? std::max(::getsid(caller.pid), 0) : 0;
  try {
    base::Lock lock(shard.mutex);
    if (shard.threads.size() >= kMostThreads / kShards)
      add_session(shard, take_idlest(shard.threads));
    Writer& writer =
        shard.threads
            .try_emplace(
                number,
                Writer{.thread = caller.pid, .session = session, .uid = caller.uid, .first = now})
            .first->second;
    add(writer, bytes, now);
  } catch (const std::bad_alloc&) {
  }
}

Writer Writers::take_idlest(Table& table) {
  const auto idlest =
      std::ranges::min_element(table, {}, [](const auto& entry) { return entry.second.last; });
  const Writer taken = idlest->second;
  table.erase(idlest);
  return taken;
}

void Writers::add_session(Shard& shard, const Writer& gone) {
  const std::uint64_t number = key(gone.session, gone.uid);
  if (!shard.sessions.contains(number) && shard.sessions.size() >= kMostSessions / kShards)
    take_idlest(shard.sessions);
  Writer fresh = gone;
  fresh.thread = 0;
  const auto [at, is_new] = shard.sessions.try_emplace(number, fresh);
  if (is_new) return;
  at->second.bytes += gone.bytes;
  at->second.first = std::min(at->second.first, gone.first);
  at->second.last = std::max(at->second.last, gone.last);
}

std::vector<Writer> Writers::all() const {
  std::vector<Writer> result;
  for (const Shard& shard : shards_) {
    base::Lock lock(shard.mutex);
    for (const auto& [number, writer] : shard.threads) result.push_back(writer);
    for (const auto& [number, writer] : shard.sessions) result.push_back(writer);
  }
  return result;
}

}  // namespace scratchfs::kernel
