#include "fs/lifetime/claim_kind.h"

#include <utility>

#include "fs/lifetime/cgroup_claimants.h"
#include "fs/lifetime/member_claimants.h"

namespace scratchfs::lifetime {

namespace {

std::unique_ptr<Membership> membership_for(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::process:
      return process_membership();
    case ClaimKind::user:
      return user_membership();
    case ClaimKind::session:
    case ClaimKind::cgroup:
      break;
  }
  return session_membership();
}

}  // namespace

base::Result<std::unique_ptr<ClaimantKind>, base::Failure> make_claimants(ClaimKind kind,
                                                                          std::vector<pid_t> own) {
  if (kind != ClaimKind::cgroup)
    return std::unique_ptr<ClaimantKind>(
        std::make_unique<MemberClaimants>(membership_for(kind), std::move(own)));
  auto cgroups = CgroupClaimants::create();
  if (!cgroups) return cgroups.error();
  return std::unique_ptr<ClaimantKind>(std::move(*cgroups));
}

}  // namespace scratchfs::lifetime
