#include "fs/tree/member_claimants.h"

#include <unordered_map>

namespace scratchfs::tree {

namespace {

struct Members {
  std::size_t count = 0;
  Process oldest{};  // a session's leader, where it still lives
};

std::string with_members(std::string words, const Members& members) {
  if (members.count == 0) return words;
  return words + " (" + command_of(members.oldest.pid) + "), " + std::to_string(members.count) +
         (members.count == 1 ? " process" : " processes");
}

}  // namespace

MemberClaimants::MemberClaimants(std::unique_ptr<Membership> membership, std::vector<pid_t> own)
    : membership_(std::move(membership)), watch_(*membership_, std::move(own)) {}

std::vector<std::string> MemberClaimants::describe_now(std::span<const ClaimantKey> keys) {
  std::unordered_map<ClaimantKey, Members> members;
  for (const ClaimantKey key : keys) members.emplace(key, Members{});
  for_each_process([&](const Process& process) {
    if (!process.is_living()) return;
    for (const ClaimantKey group : membership_->groups_of(process)) {
      const auto at = members.find(group);
      if (at == members.end()) continue;
      Members& found = at->second;
      if (found.count++ == 0 || process.started < found.oldest.started) found.oldest = process;
    }
  });
  std::vector<std::string> words;
  for (const ClaimantKey key : keys)
    words.push_back(with_members(membership_->describe(key), members[key]));
  return words;
}

}  // namespace scratchfs::tree
