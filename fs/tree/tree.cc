#include "fs/tree/tree.h"

#include <algorithm>
#include <utility>

#include "fs/tree/lookup.h"

namespace scratchfs::tree {

Tree::Tree(const TreeOptions& options, store::Store& store, quota::Ledger& ledger,
           lifetime::ClaimantKind& claimants)
    : options_(options),
      store_(store),
      ledger_(ledger),
      kind_(claimants),
      memory_(store),
      claims_(claimants),
      gate_(options.lifetime),
      handle_budget_(options.max_handles),
      reaper_(store),
      access_times_(options.access_times),
      root_(std::make_shared<Inode>(Inode::Birth{.id = kRootId,
                                                 .mode = S_IFDIR | options.root_mode,
                                                 .device = 0,
                                                 .uid = options.owner,
                                                 .gid = options.group},
                                    store, ledger)),
      sweeper_(options.lifetime, claims_, rename_mutex_, reaper_, notices_) {
  inodes_.add(kRootId, root_);
  kind_.start(
      {.claims = [this](lifetime::ClaimantKey key) { return claims_.claims_of(key); },
       .ended = [this](lifetime::ClaimantKey key,
                       std::uint64_t claims) { return sweeper_.claimant_ended(key, claims); }});
}

Tree::~Tree() {
  sweeper_.stop();
  kind_.stop();
  dismantle();
}

// Takes one directory after the other, linked through next_deferred: recursion into a deep chain
// of directories could overflow the stack.
void Tree::dismantle() {
  handles_.clear();
  inodes_.clear();
  InodeRef list = root_;
  while (list != nullptr) {
    const InodeRef directory = std::exchange(list, nullptr);
    list = std::move(directory->next_deferred);
    base::Lock lock(directory->directory->mutex);
    while (const auto entry = directory->directory->take_any()) {
      const InodeRef& inode = entry->inode;
      base::Lock inode_lock(inode->mutex);
      inode->names.unclaim_all(*entry);
      inode->names.drop(*entry);
      if (inode->is_directory()) inode->next_deferred = std::exchange(list, inode);
    }
  }
}

void Tree::set_kernel(KernelNotices* notices, RequestBarrier* barrier) {
  notices_.set(notices);
  gate_.ask(barrier);
}

InodeRef Tree::find(InodeId id) const { return inodes_.find(id); }

std::shared_ptr<Handle> Tree::handle(HandleId id) const { return handles_.find(id); }

void Tree::count_lookup(const InodeRef& inode) { inodes_.add(inode->id, inode); }

void Tree::forget(InodeId id, std::uint64_t count) {
  if (id != kRootId) inodes_.drop(id, count);
}

InodeRef Tree::live(const Directory& directory, std::string_view name, Blocker& blocker) const {
  const Dentry* entry = directory.find(name);
  if (entry == nullptr || entry->inode->gone) return nullptr;
  if (gate_.blocks(entry->inode, blocker)) return nullptr;
  // Check again: it may have gone between the two checks.
  return entry->inode->gone ? nullptr : entry->inode;
}

base::Result<Found> Tree::lookup(const InodeRef& directory, std::string_view name,
                                 base::Wait wait) {
  if (!directory->is_directory()) return base::Errno(ENOTDIR);
  if (name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  return gate_.retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<Found> {
    base::SharedLock lock(directory->directory->mutex);
    const InodeRef inode = live(*directory->directory, name, blocker);
    if (!inode) return base::Errno(ENOENT);
    Lookup lookup(inodes_, inode);
    return found(lookup);
  });
}

Found Tree::found(Lookup& lookup) const {
  Found result;
  result.inode = lookup.keep();
  base::Lock lock(result.inode->mutex);
  result.attributes = result.inode->attributes_locked();
  result.may_vanish = lifetime::close_can_delete(options_.lifetime, result.inode->facts());
  return result;
}

bool Tree::may_vanish(const Inode& inode) const {
  base::Lock lock(inode.mutex);
  return lifetime::close_can_delete(options_.lifetime, inode.facts());
}

namespace {

// Returns the memory that contents take besides their pages: `for_objects`, and their block maps.
store::Store::Overhead overhead(std::uint64_t for_objects) {
  return {.fixed = for_objects + store::kPageSize, .per_block = content::kMapBytesPerBlock};
}

}  // namespace

Space Tree::space(uid_t caller) const {
  const quota::AccountRow row = ledger_.row(caller);
  const auto left = [](std::uint64_t limit, std::uint64_t used) {
    return limit > used ? limit - used : 0;
  };
  Space space{};
  space.bytes = std::min(store_.total_bytes(overhead(ObjectMemory::kBatch)), row.limits.bytes);
  space.bytes_free = std::min(store_.free_bytes(overhead(memory_.to_come())),
                              left(row.limits.bytes, row.usage.bytes));
  space.inodes = std::min(ledger_.total_inode_limit(), row.limits.inodes);
  space.inodes_free = std::min(left(ledger_.total_inode_limit(), ledger_.total_inodes()),
                               left(row.limits.inodes, row.usage.inodes));
  return space;
}

TreeStats Tree::stats() const {
  TreeStats stats;
  stats.inodes = ledger_.total_inodes();
  sweeper_.count(stats);
  return stats;
}

}  // namespace scratchfs::tree
