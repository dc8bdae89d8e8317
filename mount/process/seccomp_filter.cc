#include "mount/process/seccomp_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <memory>
#include <type_traits>

namespace scratchfs::mount {

namespace {

// Where arguments stand as the manual has them. Elsewhere (s390, i386) some come in another order,
// in memory, or through one call for many: there a call is allowed with whatever arguments.
#if defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
constexpr bool kArgumentsAreKnown = !kSanitized;
#else
constexpr bool kArgumentsAreKnown = false;
#endif

// clang-format off
// By name: what an architecture does not have is left out there.
constexpr auto kCalls = std::to_array<const char*>({
    // Files by descriptor and by name. What is written to is spill files, and in their directory.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "lseek", "_llseek", "open", "openat", "openat2", "close", "close_range", "dup",
    "dup2", "dup3", "fcntl", "fcntl64", "flock", "fstat", "fstat64", "stat", "stat64", "lstat",
    "lstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64",
    "getcwd", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64",
    "arm_fadvise64_64", "fsync", "fdatasync", "sync_file_range", "sync_file_range2",
    "copy_file_range", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
    "renameat2", "umask",
    // The end of the mount.
    "umount2",
    // Memory.
    "brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock", "mincore", "mbind",
    "get_mempolicy",
    // Threads, and what this process is.
    "exit", "exit_group", "futex", "futex_time64", "futex_waitv", "futex_wait", "futex_wake",
    "futex_requeue", "set_robust_list", "get_robust_list", "set_tid_address", "rseq",
    "membarrier", "sched_yield", "sched_getaffinity", "getcpu", "gettid", "getpid", "getppid",
    "getpgid", "getpgrp", "getsid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid",
    "getgid32", "getegid", "getegid32", "getresuid", "getresuid32", "getresgid",
    "getresgid32", "getgroups", "getgroups32", "capget", "getrlimit", "ugetrlimit",
    "getrusage", "sysinfo", "uname", "getrandom", "wait4", "waitid", "pidfd_open",
    // Time, signals, waiting.
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
    "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "times",
    "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
    "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigsuspend", "sigreturn", "sigaltstack",
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_settime64",
    "timerfd_gettime", "timerfd_gettime64",
    // The rings that are there. What goes through them is not filtered.
    "io_uring_enter", "io_uring_register",
    // The log, the service manager, who has bound a socket, and users by name (nscd, sssd,
    // systemd).
    "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto",
    "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
});

// What a sanitizer's reports (by a program of their own) and the search for leaks take.
constexpr auto kSanitizersCalls = std::to_array<const char*>({
    "fork", "vfork", "execve", "pipe", "pipe2", "kill", "tkill", "ptrace", "personality",
    "process_vm_readv", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "setrlimit",
    "arch_prctl",
});
// clang-format on

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, void (*)(scmp_filter_ctx)>;
using Arguments = std::initializer_list<scmp_arg_cmp>;

// Of an int, the upper half of its register says nothing.
constexpr scmp_datum_t kInt = 0xffffffff;

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// Collects the first error, so that a list of rules reads as one.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  void allow(const char* call) { add(call, {}); }
  // More than once for a call: any of them will do.
  void allow(const char* call, Arguments arguments) {
    add(call, kArgumentsAreKnown ? arguments : Arguments{});
  }
  int error() const { return error_; }

 private:
  void add(const char* call, Arguments arguments) {
    const int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return;  // unknown to this architecture, or to the library
    const int result =
        seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, number,
                               static_cast<unsigned>(arguments.size()), arguments.begin());
    // Said twice is fine: aliases of one call, and calls with arguments where those do not count.
    if (result != 0 && result != -EEXIST && error_ == 0) error_ = -result;
  }

  const scmp_filter_ctx filter_;
  int error_ = 0;
};

void allow_with_arguments(Rules& rules) {
  rules.allow("clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  // Code comes from files alone, and is not made in memory.
  for (const char* map : {"mmap", "mmap2"}) {
    rules.allow(map, {masked(2, PROT_EXEC, 0)});
    rules.allow(map, {masked(3, MAP_ANONYMOUS, 0)});
  }
  rules.allow("mprotect", {masked(2, PROT_EXEC, 0)});
  rules.allow("prlimit64", {masked(0, kInt, 0), masked(2, ~scmp_datum_t{0}, 0)});  // to look
  rules.allow("tgkill", {masked(0, kInt, static_cast<scmp_datum_t>(::getpid()))});
  rules.allow("tgkill", {masked(2, kInt, 0)});  // whether there is such a thread
  rules.allow("prctl", {masked(0, kInt, PR_SET_NAME)});
  rules.allow("ioctl", {masked(1, kInt, TCGETS)});  // isatty(3)
  rules.allow("socket", {masked(0, kInt, AF_UNIX)});
  rules.allow("socket", {masked(0, kInt, AF_NETLINK)});
}

// The answer to calls that no rule allows, those of other ABIs (32 bits) included.
constexpr std::uint32_t kOtherwise = SCMP_ACT_ERRNO(ENOSYS);

Filter filter_of(std::uint32_t otherwise) {
  Filter filter(seccomp_init(otherwise), seccomp_release);
  if (!filter) return filter;
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, otherwise);
  // Older kernels slow down who has a filter, unless asked not to.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_SSB, 1);
  return filter;
}

// On every thread. Does not load what could not be said in full.
base::Result<void> load(const Filter& filter, int error) {
  if (error == 0) error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = -seccomp_load(filter.get());
  return error == 0 ? base::Result<void>() : base::Errno(error);
}

// clone3 has its flags in memory, where no filter sees whether it makes a thread or a process, so
// that glibc has to take clone. It tries at each thread: nothing for the kernel's log. Of two
// filters the stricter counts, and says whether that is logged.
base::Result<void> refuse_clone3_silently() {
  const Filter filter = filter_of(SCMP_ACT_ALLOW);
  if (!filter) return base::Errno(ENOMEM);
  const int result = seccomp_rule_add(filter.get(), kOtherwise, SCMP_SYS(clone3), 0);
  return load(filter, -result);
}

}  // namespace

base::Result<void> filter_system_calls() {
  if (!kSanitized) {
    if (const auto refused = refuse_clone3_silently(); !refused) return refused;
  }
  const Filter filter = filter_of(kOtherwise);
  if (!filter) return base::Errno(ENOMEM);
  // From Linux 4.14 on; without, a call that should have been listed is hard to find.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  Rules rules(filter.get());
  for (const char* call : kCalls) rules.allow(call);
  rules.allow("clone3");  // as far as the first filter does
  allow_with_arguments(rules);
  if (kSanitized) {
    for (const char* call : kSanitizersCalls) rules.allow(call);
  }
  return load(filter, rules.error());
}

}  // namespace scratchfs::mount
