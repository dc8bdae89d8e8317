// Claimants that are cgroups: Slurm jobs, systemd services and scopes, containers.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"

namespace scratchfs::lifetime {

// A mount of the cgroup v2 hierarchy.
struct CgroupMount {
  std::string path;  // the mount point
  std::string root;  // the group at the mount point: "/", or a container's
};

// Finds the cgroup v2 mount in text of the format of /proc/self/mountinfo. The path is empty if
// there is none.
CgroupMount find_cgroup_mount(std::string_view mountinfo);
// Returns the directory of the group that `proc_cgroup` (the text of /proc/PID/cgroup) names. Empty
// if the group is not visible in this mount, or is the root group, which never ends.
std::string cgroup_directory(const CgroupMount& mount, std::string_view proc_cgroup);

// A claimant is the cgroup that a process is in, including all groups below it. It ends when its
// cgroup.events says `populated 0` (cgroups(7)). Its key is the inode number of its directory,
// which the kernel does not reuse. Request handlers must not read /proc/PID/cgroup: the read takes
// a lock that the kernel holds while it moves processes between groups, and the move may wait for
// those processes.
class CgroupClaimants final : public ClaimantKind {
 public:
  static base::Result<std::unique_ptr<CgroupClaimants>, base::Failure> create();
  ~CgroupClaimants() override { stop(); }
  CgroupClaimants(const CgroupClaimants&) = delete;
  CgroupClaimants& operator=(const CgroupClaimants&) = delete;

  Identity identify(const base::Caller& caller, base::Wait wait) override;
  std::string describe(ClaimantKey key, pid_t pid) override;
  std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) override;
  void watch(ClaimantKey key, pid_t pid) override;
  void start(ClaimantEvents events) override;
  void stop() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Group {
    std::string words;
    base::Descriptor events;  // cgroup.events
  };

  explicit CgroupClaimants(CgroupMount mount);
  std::string directory_of(pid_t pid) const;
  std::string words_for(const std::string& directory) const;
  void run();
  int timeout(Clock::time_point looked) EXCLUDES(mutex_);
  void look_at_all() EXCLUDES(mutex_);
  void look_at(ClaimantKey key) EXCLUDES(mutex_);

  const CgroupMount mount_;
  ClaimantEvents events_;
  const base::Descriptor epoll_;
  const base::Descriptor stop_;  // eventfd(2): written to stop the thread
  base::Mutex mutex_;
  // A map, because its nodes can be taken out and put back without allocating.
  std::map<ClaimantKey, Group> groups_ GUARDED_BY(mutex_);
  base::MemoryShortage shortage_{"watching claimants"};
  std::thread thread_;
};

}  // namespace scratchfs::lifetime
