// Builds the parts of the daemon's replies from its figures.
#pragma once

#include <cstdint>
#include <vector>

#include "fs/base/shared_look.h"
#include "fs/kernel/session.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "fs/tree/tree.h"
#include "mount/control/replies.h"
#include "mount/control/writer_names.h"

namespace scratchfs::mount {

using SharedCensus = base::SharedLook<tree::Census>;

Transport report_transport(const kernel::SessionStats& stats);
// `histograms`: whether to include the latency histogram of each kind of request.
Requests report_requests(const kernel::SessionStats& stats, bool histograms);
Files report_files(const quota::Ledger& ledger, const tree::TreeStats& stats,
                   const SharedCensus::Seen& seen);
// Sets the figures that change.
void report_store(const store::StoreStats& stats, Memory& memory, Spill& spill);

UserRow report_user(const quota::AccountRow& row);
CountedUserRow report_user(const quota::AccountRow& row, const tree::Census& census);

// One row for each session and user.
std::vector<TopRow> report_sessions(const std::vector<NamedWriter>& writers);
// One row for each process and user. A thread that ended before its process was known counts as a
// process of its own. Leaves out writers without a thread (kernel::Writer::thread is 0).
std::vector<TopRow> report_processes(const std::vector<NamedWriter>& writers);
// One row for each of `users`, and for each other user of a writer.
std::vector<TopRow> report_users(const std::vector<quota::AccountRow>& users,
                                 const std::vector<NamedWriter>& writers);

}  // namespace scratchfs::mount
