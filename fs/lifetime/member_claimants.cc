#include "fs/lifetime/member_claimants.h"

namespace scratchfs::lifetime {

MemberClaimants::MemberClaimants(std::unique_ptr<Membership> membership, std::vector<pid_t> own)
    : membership_(std::move(membership)), watch_(*membership_, std::move(own)) {}

MemberClaimants::Groups MemberClaimants::look_at_all() const {
  Groups groups;
  (void)for_each_process([&](const Process& process) {  // of the processes that are visible now
    if (!process.is_living()) return;
    const auto its_groups = membership_->groups_of(process);
    if (!its_groups) return;
    for (const ClaimantKey group : *its_groups) {
      Members& found = groups[group];
      if (found.count++ == 0 || process.started < found.oldest.started) found.oldest = process;
    }
  });
  return groups;
}

std::string MemberClaimants::with_members(std::string words, const Groups& groups,
                                          ClaimantKey key) {
  const auto at = groups.find(key);
  if (at == groups.end()) return words;
  const Members& members = at->second;
  return words + " (" + command_of(members.oldest.pid) + "), " + std::to_string(members.count) +
         (members.count == 1 ? " process" : " processes");
}

std::vector<std::string> MemberClaimants::describe_now(std::span<const ClaimantKey> keys) {
  const auto seen = groups_.get();
  std::vector<std::string> words;
  for (const ClaimantKey key : keys)
    words.push_back(with_members(membership_->describe(key), *seen.value, key));
  return words;
}

}  // namespace scratchfs::lifetime
