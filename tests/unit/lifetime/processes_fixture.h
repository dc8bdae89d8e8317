// Processes for tests, and a claimant kind whose ends can be waited for.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <new>
#include <set>
#include <utility>

#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"
#include "tests/fakes/scarce_memory.h"

namespace scratchfs::lifetime {

#if defined(SCRATCHFS_SANITIZE_THREAD)
inline constexpr bool kChildrenMayHaveThreads = false;
#else
inline constexpr bool kChildrenMayHaveThreads = true;
#endif
inline constexpr const char* kNoThreads =
    "ThreadSanitizer ends a child of fork(2) that makes threads";

#if defined(SCRATCHFS_SANITIZE_ADDRESS)
inline constexpr bool kSanitizerTakesDescriptors = true;
#else
inline constexpr bool kSanitizerTakesDescriptors = false;
#endif
inline constexpr const char* kTakesDescriptors =
    "UBSan takes a pipe to look whether an object can be read, and without one says that it cannot";

// How long to check that something does not happen, in seconds.
inline constexpr double kLongEnough = 0.4;

inline base::Caller caller_of(pid_t pid) { return {.uid = 0, .gid = 0, .pid = pid, .umask = 022}; }

// Blocks a child process. It opens once every process that was forked since its construction has
// called open() or wait(), or has ended.
class Gate {
 public:
  Gate() { EXPECT_EQ(pipe(ends_), 0); }
  ~Gate() {
    open();
    close(ends_[0]);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }
  void wait() {
    open();
    char byte = 0;
    while (read(ends_[0], &byte, 1) > 0) {
    }
  }

 private:
  int ends_[2] = {-1, -1};
};

// Continues in a child of the caller: the first process of a pid namespace with its own /proc,
// whose session is outside. The caller exits with the child's exit code.
inline void enter_pid_namespace() {
  if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) _exit(101);
  const pid_t child = fork();
  if (child != 0) {
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 102);
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(103);
  if (mount("proc", "/proc", "proc", 0, nullptr) != 0) _exit(104);
}

// Calls watch() with one failing allocation: the one after `spared` others. If watch() throws,
// repeats it, as the next claim would. Returns false if there were too few allocations.
inline bool watch_with_failure(ClaimantKind& kind, ClaimantKey key, pid_t pid,
                               std::uint64_t spared) {
  const fakes::OneFailure failure(spared);
  try {
    kind.watch(key, pid);
  } catch (const std::bad_alloc&) {
    kind.watch(key, pid);
  }
  return failure.happened();
}

// While it lives, this process cannot open any file.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

// A child that does `work` and then lives until end(), or until it is killed.
class ChildProcess {
 public:
  template <typename Work>
  explicit ChildProcess(Work work) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(ready[0]);
      work();
      if (::write(ready[1], "r", 1) != 1) _exit(1);
      close(ready[1]);
      while (true) pause();
    }
    close(ready[1]);
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
  }
  ~ChildProcess() {
    if (pid_ > 0) end();
  }
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ChildProcess& operator=(ChildProcess&&) = delete;

  pid_t pid() const { return pid_; }
  ClaimantKey key() const { return static_cast<ClaimantKey>(pid_); }
  base::Caller caller() const { return caller_of(pid_); }
  // Kills the process and leaves it a zombie until end().
  void end_unreaped() const {
    kill(pid_, SIGKILL);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void end() {
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

// Acts as the tree does for a kind: counts claims and records who has ended.
class Ends {
 public:
  explicit Ends(ClaimantKind& kind) : kind_(kind) {
    kind_.start({[this](ClaimantKey key) { return claims_of(key); },
                 [this](ClaimantKey key, std::uint64_t claims) { return note(key, claims); }});
  }
  ~Ends() { kind_.stop(); }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  void claim(ClaimantKey key) {
    base::Lock lock(mutex_);
    ++claims_[key];
  }
  bool has(ClaimantKey key) {
    base::Lock lock(mutex_);
    return ended_.contains(key);
  }
  // Waits for the end at most this many seconds.
  bool comes(ClaimantKey key, double seconds = 10) {
    const auto until = deadline(seconds);
    base::Lock lock(mutex_);
    while (!ended_.contains(key)) {
      if (!wait_until(until)) return false;
    }
    return true;
  }
  bool come(std::size_t count, double seconds = 10) {
    const auto until = deadline(seconds);
    base::Lock lock(mutex_);
    while (ended_.size() < count) {
      if (!wait_until(until)) return false;
    }
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static Clock::time_point deadline(double seconds) {
    return Clock::now() +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  bool wait_until(Clock::time_point until) REQUIRES(mutex_) {
    const auto left = until - Clock::now();
    if (left.count() <= 0) return false;
    changed_.wait_for(mutex_, left);
    return true;
  }
  std::uint64_t claims_of(ClaimantKey key) {
    base::Lock lock(mutex_);
    return claims_[key];
  }
  bool note(ClaimantKey key, std::uint64_t claims) {
    base::Lock lock(mutex_);
    if (claims_[key] != claims) return false;
    ended_.insert(key);
    changed_.notify_all();
    return true;
  }

  ClaimantKind& kind_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::map<ClaimantKey, std::uint64_t> claims_ GUARDED_BY(mutex_);
  std::set<ClaimantKey> ended_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::lifetime
