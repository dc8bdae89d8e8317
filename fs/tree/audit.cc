// Recomputes what is counted incrementally and reports differences, of which there must be none.
#include <fmt/format.h>
#include <map>
#include <unordered_set>

#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

quota::Usage usage_of(const Inode& inode, uid_t& owner) {
  base::Lock lock(inode.mutex);
  owner = inode.uid;
  quota::Usage usage = inode.fixed_usage();
  if (inode.content && !inode.gone) usage.bytes += inode.content->allocated();
  return usage;
}

bool names_are_counted(const Inode& inode) {
  base::Lock lock(inode.mutex);
  return inode.names.counts_are_true();
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

void Tree::audit_holding(const Inode& inode, std::vector<std::string>& differences) const {
  if (inode.is_directory()) return audit_directory(inode, differences);
  base::Lock lock(inode.mutex);
  if (!inode.gone && !inode.names.empty() && !is_held(inode))
    differences.push_back(
        fmt::format("inode {}: has {} names, and nothing holds it", inode.id, inode.names.size()));
}

void Tree::audit_directory(const Inode& directory, std::vector<std::string>& differences) const {
  if (directory.id == kRootId || directory.directory->is_removed()) return;
  base::SharedLock lock(directory.directory->mutex);
  if (options_.lifetime == lifetime::LifetimeMode::claimed &&
      is_holding(directory) != directory.directory->holds_entries())
    differences.push_back(fmt::format("directory {}: its entries are marked as {}held",
                                      directory.id, is_holding(directory) ? "not " : ""));
  base::Lock inode_lock(directory.mutex);
  if (directory.directory->empty() && !is_held(directory))
    differences.push_back(
        fmt::format("directory {}: is empty, and nothing holds it", directory.id));
}

std::vector<std::string> Tree::audit() const {
  std::map<uid_t, quota::Usage> found;
  std::vector<std::string> differences;
  for (const InodeRef& inode : all_inodes()) {
    if (!names_are_counted(*inode))
      differences.push_back(
          fmt::format("inode {}: the counters of its names are wrong", inode->id));
    audit_holding(*inode, differences);
    uid_t owner = 0;
    const quota::Usage usage = usage_of(*inode, owner);
    quota::Usage& all = found[ledger_.holder_of(owner)];
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
