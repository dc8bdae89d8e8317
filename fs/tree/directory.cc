#include "fs/tree/directory.h"

#include <cassert>
#include <iterator>
#include <new>

#include "fs/base/shrink.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

Dentry* Directory::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

Dentry& Directory::insert(Inode& parent, std::shared_ptr<Inode> inode, std::string_view name) {
  const bool is_directory = inode->is_directory();
  const std::uint64_t cookie = next_cookie_++;
  std::unique_ptr<Dentry> entry(
      new Dentry{&parent, std::move(inode), std::string(name), cookie, {}});
  Dentry& result = *entry;
  const auto at = by_cookie_.emplace_hint(by_cookie_.end(), cookie, std::move(entry));
  try {
    const bool fresh = by_name_.emplace(result.name, &result).second;
    assert(fresh);
    (void)fresh;
  } catch (const std::bad_alloc&) {
    by_cookie_.erase(at);
    throw;
  }
  ++size_;
  if (is_directory) ++subdirectories_;
  return result;
}

std::unique_ptr<Dentry> Directory::take(Dentry& entry) {
  by_name_.erase(entry.name);
  base::shrink_buckets(by_name_);
  auto node = by_cookie_.extract(entry.cookie);
  --size_;
  if (entry.inode->is_directory()) --subdirectories_;
  return std::move(node.mapped());
}

void Directory::set_inode(Dentry& entry, std::shared_ptr<Inode> inode) {
  if (entry.inode->is_directory()) --subdirectories_;
  entry.inode = std::move(inode);
  if (entry.inode->is_directory()) ++subdirectories_;
}

const Dentry* Directory::after(std::uint64_t cookie) const {
  const auto at = cookie < kFirstCookie ? by_cookie_.end() : by_cookie_.lower_bound(cookie);
  return at == by_cookie_.begin() ? nullptr : std::prev(at)->second.get();
}

void Directory::look_at_some(std::uint64_t& cookie, std::vector<Seen>& some) const {
  constexpr std::size_t kAtOnce = 128;  // bounds the time under the lock: about ten microseconds
  some.clear();
  base::SharedLock lock(mutex);
  while (some.size() < kAtOnce) {
    const Dentry* const entry = after(cookie);
    if (entry == nullptr) return;
    some.push_back({entry->inode, entry});
    cookie = entry->cookie;
  }
}

std::unique_ptr<Dentry> Directory::take_any() {
  return by_cookie_.empty() ? nullptr : take(*by_cookie_.begin()->second);
}

}  // namespace scratchfs::tree
