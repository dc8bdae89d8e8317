#include "fs/tree/claims.h"

#include <algorithm>

namespace scratchfs::tree {

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

bool Claimant::add(const Dentry* name, std::weak_ptr<Inode> inode, std::string_view stem,
                   bool in_root) {
  base::Lock lock(mutex_);
  if (ended_) return false;
  names_.insert_or_assign(name, std::move(inode));
  if (in_root) stems_.emplace(stem);
  return true;
}

void Claimant::remove(const Dentry* name, std::string_view stem, bool in_root) {
  base::Lock lock(mutex_);
  if (names_.erase(name) == 0 || !in_root) return;
  if (const auto at = stems_.find(stem); at != stems_.end()) stems_.erase(at);
}

bool Claimant::covers(std::string_view name) const {
  base::Lock lock(mutex_);
  // Any stem that begins `name` sorts at or before it; what lies between shares a shorter prefix
  // with `name`.
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

std::vector<std::weak_ptr<Inode>> Claimant::end() {
  base::Lock lock(mutex_);
  ended_ = true;
  std::vector<std::weak_ptr<Inode>> held;
  held.reserve(names_.size());
  for (auto& [name, inode] : names_) held.push_back(std::move(inode));
  names_.clear();
  stems_.clear();
  // Each inode once, however many names of it were held.
  const std::owner_less<> by_owner;
  std::sort(held.begin(), held.end(), by_owner);
  const auto same = [&](const auto& a, const auto& b) {
    return !by_owner(a, b) && !by_owner(b, a);
  };
  held.erase(std::unique(held.begin(), held.end(), same), held.end());
  return held;
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

base::Result<ClaimantRef> ClaimRegistry::claimant_of(const Caller& caller, base::Wait wait) {
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
  kind_.watch(key, caller.pid);
  return fresh;
}

base::Result<ClaimantRef> ClaimRegistry::known_claimant_of(const Caller& caller, base::Wait wait) {
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

}  // namespace scratchfs::tree
