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

// Whether the architecture passes system call arguments as the man pages declare them. Others
// (s390, i386) reorder some, pass them in memory or multiplex several calls through one; there a
// call is allowed with any arguments.
#if defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
constexpr bool kArgumentsAreKnown = !kSanitized;
#else
constexpr bool kArgumentsAreKnown = false;
#endif

// clang-format off
// By name, so that a call which an architecture lacks is skipped there.
constexpr auto kCalls = std::to_array<const char*>({
    // Files, by descriptor and by name. The daemon writes only spill files, in their directory.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "lseek", "_llseek", "open", "openat", "openat2", "close", "close_range", "dup",
    "dup2", "dup3", "fcntl", "fcntl64", "flock", "fstat", "fstat64", "stat", "stat64", "lstat",
    "lstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64",
    "getcwd", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64",
    "arm_fadvise64_64", "fsync", "fdatasync", "sync_file_range", "sync_file_range2",
    "copy_file_range", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
    "renameat2", "umask",
    // Unmounting.
    "umount2",
    // Memory.
    "brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock", "mincore", "mbind",
    "get_mempolicy",
    // Threads, and information about this process.
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
    // Existing io_uring rings. Operations submitted through them are not filtered.
    "io_uring_enter", "io_uring_register",
    // The log, the service manager, the look-up of bound sockets, and user names (nscd, sssd,
    // systemd).
    "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "send", "sendto",
    "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
});

// What a sanitizer needs to run its symbolizer, a separate program, and to search for leaks.
constexpr auto kSanitizersCalls = std::to_array<const char*>({
    "fork", "vfork", "execve", "pipe", "pipe2", "kill", "tkill", "ptrace", "personality",
    "process_vm_readv", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "setrlimit",
    "arch_prctl",
});
// clang-format on

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, void (*)(scmp_filter_ctx)>;
using Arguments = std::initializer_list<scmp_arg_cmp>;

// Masks an int argument: the upper half of its register is undefined.
constexpr scmp_datum_t kInt = 0xffffffff;

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// Adds rules to a filter and remembers the first error, so that callers need not check each rule.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  void allow(const char* call) { add(call, {}); }
  // Several rules for one call: the call is allowed if it matches any of them.
  void allow(const char* call, Arguments arguments) {
    add(call, kArgumentsAreKnown ? arguments : Arguments{});
  }
  int error() const { return error_; }

 private:
  void add(const char* call, Arguments arguments) {
    const int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return;  // unknown to this architecture or to libseccomp
    const int result =
        seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, number,
                               static_cast<unsigned>(arguments.size()), arguments.begin());
    // Duplicates are harmless: aliases of one call, and rules with arguments on architectures where
    // the arguments are not checked.
    if (result != 0 && result != -EEXIST && error_ == 0) error_ = -result;
  }

  const scmp_filter_ctx filter_;
  int error_ = 0;
};

void allow_with_arguments(Rules& rules) {
  rules.allow("clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  // Executable memory can only be mapped from files.
  for (const char* map : {"mmap", "mmap2"}) {
    rules.allow(map, {masked(2, PROT_EXEC, 0)});
    rules.allow(map, {masked(3, MAP_ANONYMOUS, 0)});
  }
  rules.allow("mprotect", {masked(2, PROT_EXEC, 0)});
  // Read-only, for this process.
  rules.allow("prlimit64", {masked(0, kInt, 0), masked(2, ~scmp_datum_t{0}, 0)});
  rules.allow("tgkill", {masked(0, kInt, static_cast<scmp_datum_t>(::getpid()))});
  rules.allow("tgkill", {masked(2, kInt, 0)});  // signal 0 asks whether a thread exists
  rules.allow("prctl", {masked(0, kInt, PR_SET_NAME)});
  rules.allow("ioctl", {masked(1, kInt, TCGETS)});  // isatty(3)
  rules.allow("socket", {masked(0, kInt, AF_UNIX)});
  rules.allow("socket", {masked(0, kInt, AF_NETLINK)});
}

// The action for calls that no rule allows, including those of other ABIs (32-bit).
constexpr std::uint32_t kOtherwise = SCMP_ACT_ERRNO(ENOSYS);

Filter filter_of(std::uint32_t otherwise) {
  Filter filter(seccomp_init(otherwise), seccomp_release);
  if (!filter) return filter;
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, otherwise);
  // Older kernels turn on a slow speculation mitigation for filtered processes unless told not to.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_SSB, 1);
  return filter;
}

// Loads the filter on every thread. Loads nothing if `error`, from adding the rules, is not 0.
base::Result<void> load(const Filter& filter, int error) {
  if (error == 0) error = -seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = -seccomp_load(filter.get());
  return error == 0 ? base::Result<void>() : base::Errno(error);
}

// clone3 passes its flags in memory, where a filter cannot see whether it creates a thread or a
// process. So it fails with ENOSYS and glibc falls back to clone. glibc tries clone3 for each new
// thread, which must not fill the kernel's log: hence a second filter without logging. When two
// filters disagree, the stricter one decides, and whether the call is logged.
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
  // Logs refused calls (Linux 4.14), to make a call that is missing from the list easy to find.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  Rules rules(filter.get());
  for (const char* call : kCalls) rules.allow(call);
  rules.allow("clone3");  // the first filter decides
  allow_with_arguments(rules);
  if (kSanitized) {
    for (const char* call : kSanitizersCalls) rules.allow(call);
  }
  return load(filter, rules.error());
}

}  // namespace scratchfs::mount
