// Claims for control groups: Slurm's jobs, systemd's services and scopes, containers.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"

namespace scratchfs::tree {

// Where the cgroup v2 hierarchy can be seen.
struct CgroupMount {
  std::string path;  // the mount point
  std::string root;  // which of the hierarchy's groups that is: "/", or a container's
};

// From text of the form of /proc/self/mountinfo; an empty path: there is none.
CgroupMount find_cgroup_mount(std::string_view mountinfo);
// The directory of the group that /proc/PID/cgroup names; empty: it cannot be seen from here, or
// (as the root group) it never ends.
std::string cgroup_directory(const CgroupMount& mount, std::string_view proc_cgroup);

// A claimant is the group of the hierarchy that a process is in, with all groups below it. It ends
// when its cgroup.events says `populated 0` (cgroups(7)). Its key is the inode of its directory,
// which is not used again. Reading /proc/PID/cgroup takes a lock that whoever moves processes
// between groups holds while waiting for them, so no request handler does it.
class CgroupClaimants final : public ClaimantKind {
 public:
  static base::Result<std::unique_ptr<CgroupClaimants>, base::Failure> create();
  ~CgroupClaimants() override;
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
    int events = -1;  // cgroup.events
  };

  explicit CgroupClaimants(CgroupMount mount);
  std::string directory_of(pid_t pid) const;
  std::string words_for(const std::string& directory) const;
  void run();
  int patience(Clock::time_point looked) EXCLUDES(mutex_);
  void look_at_all() EXCLUDES(mutex_);
  void look_at(ClaimantKey key) EXCLUDES(mutex_);

  const CgroupMount mount_;
  ClaimantEvents events_;
  int epoll_ = -1;
  int stop_ = -1;  // eventfd(2): written to when the thread shall return
  base::Mutex mutex_;
  std::map<ClaimantKey, Group> groups_ GUARDED_BY(mutex_);  // putting back needs no memory
  base::MemoryShortage shortage_{"watching who claims"};
  std::thread thread_;
};

}  // namespace scratchfs::tree
