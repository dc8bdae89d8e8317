// The ledger recomputed from the inodes: the two must never differ.
#include <fmt/format.h>
#include <map>
#include <unordered_set>

#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

limits::Usage usage_of(const Inode& inode, uid_t& owner) {
  base::Lock lock(inode.mutex);
  owner = inode.uid;
  limits::Usage usage = inode.fixed_usage();
  if (inode.content) usage.bytes += inode.content->allocated();
  return usage;
}

}  // namespace

std::vector<std::string> Tree::audit() const {
  std::unordered_set<InodeRef> seen;
  std::vector<InodeRef> to_look_at = inodes_.all();
  to_look_at.push_back(root_);
  for (const auto& handle : handles_.all()) to_look_at.push_back(handle->inode);
  std::map<uid_t, limits::Usage> found;
  while (!to_look_at.empty()) {
    const InodeRef inode = std::move(to_look_at.back());
    to_look_at.pop_back();
    if (!seen.insert(inode).second) continue;
    if (!inode->gone) {
      uid_t owner = 0;
      const limits::Usage usage = usage_of(*inode, owner);
      found[owner].bytes += usage.bytes;
      found[owner].inodes += usage.inodes;
    }
    if (!inode->is_directory()) continue;
    base::SharedLock lock(inode->directory->mutex);
    std::uint64_t cookie = 0;
    while (const Dentry* entry = inode->directory->after(cookie)) {
      to_look_at.push_back(entry->inode);
      cookie = entry->cookie;
    }
  }
  std::vector<std::string> differences;
  for (const limits::AccountRow& row : ledger_.table()) found.try_emplace(row.uid);
  for (const auto& [uid, usage] : found) {
    const limits::Usage booked = ledger_.row(uid).usage;
    if (booked == usage) continue;
    differences.push_back(
        fmt::format("uid {}: the ledger says {} bytes and {} inodes, the inodes say {} and {}", uid,
                    booked.bytes, booked.inodes, usage.bytes, usage.inodes));
  }
  return differences;
}

}  // namespace scratchfs::tree
