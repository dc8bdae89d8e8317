// Converts the daemon's numbers to the JSON of `scratchfs status --json`; docs/status.md describes
// each field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fs/base/shared_look.h"
#include "fs/kernel/session.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/control/protocol.h"

namespace scratchfs::mount {

using SharedCensus = base::SharedLook<tree::Census>;

// `locked`: whether memory is locked, and so kept out of swap.
Json memory_to_json(const store::StoreStats& stats, bool locked);
// `directory` is empty if the mount never spills. `disk_free` is in bytes; nullopt: unknown.
Json spill_to_json(const store::StoreStats& stats, const std::string& directory,
                   std::optional<std::uint64_t> disk_free);
Json transport_to_json(const kernel::SessionStats& stats);
// `histograms`: whether to include the latency histogram of each kind of request.
Json requests_to_json(const kernel::SessionStats& stats, bool histograms);
Json files_to_json(const quota::Ledger& ledger, const tree::TreeStats& stats,
                   const SharedCensus::Seen& seen);

Json limits_to_json(const quota::Limits& limits);
Json row_to_json(const quota::AccountRow& row);
// Adds to a user's row what the census counted of their files.
void add_census(Json& row, const tree::Census& census);

}  // namespace scratchfs::mount
