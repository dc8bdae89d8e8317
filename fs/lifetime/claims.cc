#include "fs/lifetime/claims.h"

#include <algorithm>
#include <utility>

namespace scratchfs::lifetime {

namespace {

constexpr std::size_t kShortestStem = 6;

}  // namespace

std::string_view stem_of(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot < kShortestStem) return name;
  return name.substr(0, dot);
}

bool Claimant::has_ended() const {
  base::Lock lock(mutex_);
  return ended_;
}

bool Claimant::add(const tree::Dentry* name, std::weak_ptr<tree::Inode> inode,
                   std::string_view stem, bool in_root) {
  base::Lock lock(mutex_);
  if (ended_) return false;
  decltype(stems_) added;  // moved into stems_ without allocating
  if (in_root) added.emplace(stem);
  names_.insert_or_assign(name, std::move(inode));
  stems_.merge(added);
  return true;
}

void Claimant::remove(const tree::Dentry* name, std::string_view stem, bool in_root) {
  base::Lock lock(mutex_);
  if (names_.erase(name) == 0 || !in_root) return;
  if (const auto at = stems_.find(stem); at != stems_.end()) stems_.erase(at);
}

bool Claimant::pass_on(const tree::Dentry* name, const std::weak_ptr<tree::Inode>& inode) {
  base::Lock lock(mutex_);
  const auto at = names_.find(name);
  if (at == names_.end()) return false;
  at->second = inode;
  return true;
}

bool Claimant::covers(std::string_view name) const {
  base::Lock lock(mutex_);
  // A stem that is a prefix of `name` sorts at or before it, so it is a prefix of the candidate as
  // well: continue with what the two have in common.
  std::string_view probe = name;
  while (!probe.empty()) {
    auto at = stems_.upper_bound(probe);
    if (at == stems_.begin()) return false;
    const std::string& candidate = *--at;
    if (name.starts_with(candidate)) return true;
    const auto [end, unused] = std::ranges::mismatch(probe, candidate);
    probe = probe.substr(0, static_cast<std::size_t>(end - probe.begin()));
  }
  return false;
}

Claimant::Names Claimant::end() noexcept {
  base::Lock lock(mutex_);
  ended_ = true;
  stems_.clear();
  Names held;
  held.swap(names_);
  return held;
}

std::vector<std::shared_ptr<tree::Inode>> Claimant::inodes_of(const Names& names) {
  std::vector<std::shared_ptr<tree::Inode>> inodes;
  inodes.reserve(names.size());
  for (const auto& [name, weak] : names) {
    if (auto inode = weak.lock()) inodes.push_back(std::move(inode));
  }
  std::sort(inodes.begin(), inodes.end());
  inodes.erase(std::unique(inodes.begin(), inodes.end()), inodes.end());
  return inodes;
}

ClaimRegistry::ClaimRegistry(ClaimantKind& kind)
    : kind_(kind),
      forever_(std::make_shared<Claimant>(kForever, "a process whose end cannot be seen")) {}

ClaimantRef ClaimRegistry::find(ClaimantKey key) {
  base::Lock lock(mutex_);
  const auto at = claimants_.find(key);
  if (at == claimants_.end()) return nullptr;
  ++at->second.claims;
  return at->second.claimant;
}

base::Result<ClaimantRef> ClaimRegistry::claimant_of(const base::Caller& caller, base::Wait wait) {
  const auto identity = kind_.identify(caller, wait);
  if (std::holds_alternative<MustWait>(identity)) return base::kWouldBlock;
  if (std::holds_alternative<Vanished>(identity)) return ClaimantRef();
  if (std::holds_alternative<Unknowable>(identity)) return forever_;
  const auto key = std::get<ClaimantKey>(identity);
  if (ClaimantRef known = find(key)) return known;
  auto fresh = std::make_shared<Claimant>(key, kind_.describe(key, caller.pid));
  {
    base::Lock lock(mutex_);
    Known& known = claimants_[key];
    ++known.claims;
    if (known.claimant) return known.claimant;
    known.claimant = fresh;
  }
  try {
    kind_.watch(key, caller.pid);
  } catch (...) {
    // Forget the claimant, so that the next claim watches it. If another caller has it already, it
    // stays unwatched and its claims last until the unmount.
    base::Lock lock(mutex_);
    if (const auto at = claimants_.find(key); at != claimants_.end() && at->second.claims == 1)
      claimants_.erase(at);
    throw;
  }
  return fresh;
}

base::Result<ClaimantRef> ClaimRegistry::known_claimant_of(const base::Caller& caller,
                                                           base::Wait wait) {
  const auto identity = kind_.identify(caller, wait);
  if (std::holds_alternative<MustWait>(identity)) return base::kWouldBlock;
  if (std::holds_alternative<Unknowable>(identity)) return forever_;
  const auto* key = std::get_if<ClaimantKey>(&identity);
  return key == nullptr ? ClaimantRef() : find(*key);
}

std::uint64_t ClaimRegistry::claims_of(ClaimantKey key) const {
  base::Lock lock(mutex_);
  const auto at = claimants_.find(key);
  return at == claimants_.end() ? 0 : at->second.claims;
}

std::optional<ClaimantRef> ClaimRegistry::take(ClaimantKey key, std::uint64_t claims) {
  base::Lock lock(mutex_);
  const auto at = claimants_.find(key);
  if (at == claimants_.end()) return ClaimantRef();
  if (at->second.claims != claims) return std::nullopt;
  ClaimantRef claimant = std::move(at->second.claimant);
  claimants_.erase(at);
  return claimant;
}

}  // namespace scratchfs::lifetime
