// Recomputes what is counted incrementally and reports differences, of which there must be none.
#include <fmt/core.h>
#include <map>
#include <unordered_set>

#include "fs/tree/holding.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

quota::Usage usage_of(const Inode& inode) {
  base::Lock lock(inode.mutex);
  quota::Usage usage = inode.fixed_usage();
  if (inode.content && !inode.gone) usage.bytes += inode.content->allocated();
  return usage;
}

void audit_holders(const Inode& inode, lifetime::LifetimeMode mode,
                   std::vector<std::string>& differences) {
  const auto report = [&](std::string what) {
    differences.push_back(fmt::format("inode {}: {}", inode.id, what));
  };
  const Directory* const directory = inode.directory.get();
  if (mode == lifetime::LifetimeMode::claimed && directory != nullptr && inode.id != kRootId &&
      !directory->is_removed() && is_holding(inode) != directory->holds_entries())
    report(fmt::format("its entries are marked as {}held", is_holding(inode) ? "not " : ""));
  base::Lock lock(inode.mutex);
  if (!inode.names.counts_are_true()) report("the counters of its names are wrong");
  if (directory != nullptr && directory->size() > 0) return;  // is deleted once it is empty
  if (!inode.gone && !inode.names.empty() && !inode.is_held(mode))
    report(fmt::format("has {} names, and nothing holds it", inode.names.size()));
}

}  // namespace

// Includes inodes without a name, and the root.
std::vector<InodeRef> Tree::all_inodes() const {
  std::unordered_set<InodeRef> seen;
  std::vector<InodeRef> to_look_at = inodes_.all();
  to_look_at.push_back(root_);
  for (const auto& handle : handles_.all()) to_look_at.push_back(handle->inode);
  std::vector<Directory::Seen> some;
  while (!to_look_at.empty()) {
    const InodeRef inode = std::move(to_look_at.back());
    to_look_at.pop_back();
    if (!seen.insert(inode).second || !inode->is_directory()) continue;
    std::uint64_t cookie = 0;
    do {
      inode->directory->look_at_some(cookie, some);
      for (const auto& entry : some) to_look_at.push_back(entry.inode);
    } while (!some.empty());
  }
  return {seen.begin(), seen.end()};
}

// Walks twice: an operation that asked the ledger just before the change may add its inode to the
// tree during the first walk.
void Tree::charge_holders() {
  for (int walk = 0; walk < 2; ++walk) {
    for (const InodeRef& inode : all_inodes()) {
      base::Lock lock(inode->mutex);
      inode->charge.belong_to(ledger_.account(inode->uid));
    }
  }
}

std::vector<std::string> Tree::audit() const {
  std::map<uid_t, quota::Usage> found;
  std::vector<std::string> differences;
  for (const InodeRef& inode : all_inodes()) {
    audit_holders(*inode, options_.lifetime, differences);
    const quota::Usage usage = usage_of(*inode);
    quota::Usage& all = found[ledger_.holder_of(inode->owner())];
    all.bytes += usage.bytes;
    all.inodes += usage.inodes;
  }
  for (const quota::AccountRow& row : ledger_.table()) found.try_emplace(row.uid);
  for (const auto& [uid, usage] : found) {
    const quota::Usage booked = ledger_.row(uid).usage;
    if (booked == usage) continue;
    differences.push_back(
        fmt::format("uid {}: the ledger says {} bytes and {} inodes, the inodes say {} and {}", uid,
                    booked.bytes, booked.inodes, usage.bytes, usage.inodes));
  }
  return differences;
}

}  // namespace scratchfs::tree
