// Who holds a file: keep marks, and the words of `system.scratchfs.lifetime`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "fs/base/printable.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

// Thousands of sessions can claim a name each by exchanging it; nobody reads of more.
constexpr std::size_t kMostTold = 16;
// More are not for a handler to walk.
constexpr std::size_t kMostNamesAtOnce = 256;

// The first few of `claimants`, each once, in words.
std::vector<std::string> words_of(const std::vector<ClaimantRef>& claimants, ClaimantKind& kind) {
  std::vector<std::string> words;
  std::vector<ClaimantKey> keys;
  for (std::size_t i = 0; i < std::min(claimants.size(), kMostTold); ++i) {
    const Claimant& claimant = *claimants[i];
    if (claimant.key() == kForever) {
      words.push_back(claimant.words());
    } else {
      keys.push_back(claimant.key());
    }
  }
  if (!keys.empty()) {
    auto told = kind.describe_now(keys);
    words.insert(words.begin(), told.begin(), told.end());
  }
  if (claimants.size() > kMostTold)
    words.push_back(fmt::format("{} more", claimants.size() - kMostTold));
  return words;
}

// Keeps what is added, each once and in order.
template <typename Value>
class Distinct {
 public:
  void add(Value value) {
    if (seen_.insert(value).second) all_.push_back(std::move(value));
  }
  const std::vector<Value>& all() const { return all_; }

 private:
  std::unordered_set<Value> seen_;
  std::vector<Value> all_;
};

}  // namespace

base::Result<void> Tree::set_kept(const InodeRef& inode, bool kept, base::Wait wait) {
  if (inode->id == kRootId) return base::Errno(EINVAL);
  if (wait == base::Wait::no && has_to_spread(*inode)) return base::kWouldBlock;
  {
    base::Lock lock(inode->mutex);
    inode->kept = kept;
  }
  refresh_or_leave(inode, kMarkLifted);
  return {};
}

base::Result<std::string> Tree::describe_holders(const InodeRef& inode, Detail detail,
                                                 base::Wait wait) const {
  const bool in_full = detail == Detail::full;
  std::vector<std::string> words;
  Distinct<ClaimantRef> claimants;
  Distinct<InodeRef> directories;
  bool kept = false;
  bool named = false;
  bool maybe_bound = false;
  {
    base::Lock lock(inode->mutex);
    if (wait == base::Wait::no && inode->names.size() > kMostNamesAtOnce) return base::kWouldBlock;
    if (inode->handles > 0)
      words.push_back(in_full ? fmt::format("handles: {}", inode->handles) : "handles");
    kept = inode->kept;
    maybe_bound = inode->maybe_bound;
    named = !inode->names.empty() || inode->id == kRootId;
    for (const Dentry* name : inode->names) {
      for (const ClaimantRef& claimant : name->claims) claimants.add(claimant);
      if (name->parent->directory->holds_entries())
        directories.add(name->parent->shared_from_this());
    }
  }
  const bool must_ask = maybe_bound || (in_full && !claimants.all().empty());
  if (must_ask && wait == base::Wait::no) return base::kWouldBlock;
  if (in_full) {
    for (std::string& told : words_of(claimants.all(), kind_)) words.push_back(std::move(told));
    Distinct<std::string> holding;
    for (const InodeRef& directory : directories.all())
      holding.add(base::printable(holding_directory(directory)));
    for (const std::string& path : holding.all()) words.push_back("directory " + path);
  } else {
    if (!claimants.all().empty()) words.emplace_back("a claim");
    if (!directories.all().empty()) words.emplace_back("a directory");
  }
  if (maybe_bound && sockets_->is_bound(*inode)) words.emplace_back("a process that has it bound");
  if (kept) words.emplace_back("keep mark");
  // What the mode keeps that nothing else holds.
  const bool lasts =
      inode->id == kRootId || limits::is_held(options_.lifetime, {.regular = inode->is_regular()});
  if (lasts && named) words.emplace_back("the mount");
  if (words.empty()) return std::string("nothing");
  return fmt::format("{}", fmt::join(words, "; "));
}

// The nearest directory from `directory` upwards that is held by more than the one it lies in.
std::string Tree::holding_directory(const InodeRef& directory) const {
  InodeRef at = directory;
  while (at->id != kRootId) {
    base::Lock lock(at->mutex);
    const auto facts = at->facts();
    if (facts.kept || facts.claimed || at->names.empty()) break;
    InodeRef parent = at->names.front()->parent->shared_from_this();
    lock.unlock();
    at = std::move(parent);
  }
  return path_of(at);
}

// From the mount's root: `/job1/sub`; cut at its beginning where it is too long to read.
std::string Tree::path_of(const InodeRef& directory) const {
  constexpr std::size_t kLongest = 4096;
  std::string path;
  InodeRef at = directory;
  while (at->id != kRootId) {
    base::Lock lock(at->mutex);
    if (at->names.empty()) break;  // removed meanwhile
    const Dentry& name = *at->names.front();
    path.insert(0, "/" + name.name);
    if (path.size() > kLongest) return "..." + path;
    InodeRef parent = name.parent->shared_from_this();
    lock.unlock();
    at = std::move(parent);
  }
  return path.empty() ? "/" : path;
}

}  // namespace scratchfs::tree
