#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cerrno>

#include "fs/base/descriptor.h"
#include "fs/lifetime/membership.h"

namespace scratchfs::lifetime {

namespace {

class ProcessMembership final : public Membership {
 public:
  ClaimantKind::Identity identify(const base::Caller& caller) override {
    const pid_t tid = caller.pid;
    if (tid == 0) return Unknowable{};  // another pid namespace
    if (is_thread_of(tid, tid)) return static_cast<ClaimantKey>(tid);
    // A thread's process is read from /proc once and cached; the kernel confirms a cached entry.
    Slot& slot = cache_[static_cast<std::size_t>(tid) % cache_.size()];
    const std::uint64_t cached = slot.load(std::memory_order_relaxed);
    const auto known = static_cast<pid_t>(cached & kProcessBits);
    if (cached >> kThreadShift == static_cast<std::uint64_t>(tid) && is_thread_of(tid, known))
      return static_cast<ClaimantKey>(known);
    const pid_t process = process_of_thread(tid);
    if (process > 0) {
      slot = static_cast<std::uint64_t>(tid) << kThreadShift | static_cast<std::uint64_t>(process);
      return static_cast<ClaimantKey>(process);
    }
    if (getsid(tid) < 0 && errno == ESRCH) return Vanished{};
    return Unknowable{};
  }

  std::string describe(ClaimantKey group) const override {
    return "process " + std::to_string(group);
  }

  Answer ask(ClaimantKey group) const override {
    const base::Descriptor process(
        static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(group), 0)));
    if (!process.valid()) return says_gone(errno) ? Answer::over : Answer::alive;
    // A pidfd is readable once the last thread has ended, reaped or not.
    pollfd end{process.get(), POLLIN, 0};
    return poll(&end, 1, 0) > 0 ? Answer::over : Answer::alive;
  }

  bool unclear_means_some() const override { return true; }  // ask() never returns `unclear`

  pid_t leader(ClaimantKey group) const override { return static_cast<pid_t>(group); }

  bool is_member(pid_t pid, ClaimantKey group) const override {
    return pid == static_cast<pid_t>(group);
  }

  base::Result<std::vector<ClaimantKey>> groups_of(const Process& process) const override {
    return std::vector{static_cast<ClaimantKey>(process.pid)};
  }

  bool hides_members() const override { return false; }  // ask() sees all processes

 private:
  using Slot = std::atomic<std::uint64_t>;
  static constexpr unsigned kThreadShift = 32;
  static constexpr std::uint64_t kProcessBits = 0xFFFF'FFFF;

  // pidfd_open(2): no such process, or the number is a thread's id now. Other errors prove nothing.
  static bool says_gone(int error) { return error == ESRCH || error == EINVAL || error == ENOENT; }

  // tgkill(2) with signal 0. The kernel returns EPERM only after it has found the thread.
  static bool is_thread_of(pid_t tid, pid_t process) {
    return syscall(SYS_tgkill, process, tid, 0) == 0 || errno == EPERM;
  }

  std::array<Slot, 1024> cache_{};  // thread in the upper half, process in the lower
};

}  // namespace

std::unique_ptr<Membership> process_membership() { return std::make_unique<ProcessMembership>(); }

}  // namespace scratchfs::lifetime
