#include "tests/mounted/harness/keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr const char* kPrefix = "/tmp/scratchfs-test.";

struct Entrusted {
  std::atomic<pid_t> pid;
  std::atomic<unsigned long long> started;
};

// Shared by the test process and its keeper.
struct Board {
  std::atomic<long long> deadline_ms;  // CLOCK_MONOTONIC; 0: none
  std::array<char, 256> test;
  std::atomic<unsigned> entrusted_count;
  std::array<Entrusted, 512> entrusted;
};

Board* board = nullptr;

long long now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

std::string directory_of(pid_t pid) { return kPrefix + std::to_string(pid); }

bool same_process(const Entrusted& entry) {
  return entry.pid > 0 && start_time(entry.pid) == entry.started;
}

void abort_mounts(const std::string& directory) {
  for (const MountEntry& mount : mounts_below(directory + "/")) {
    if (is_fuse(mount)) {
      abort_connection(mount.device_minor);
    }
  }
}

void remove_all_of(pid_t pid) {
  const std::string directory = directory_of(pid);
  abort_mounts(directory);
  // Repeats, because mounts may be stacked and a guardian may be unmounting the same one.
  for (int round = 0; round < 20 && !mounts_below(directory + "/").empty(); ++round) {
    for (const MountEntry& mount : mounts_below(directory + "/")) {
      umount2(mount.path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

void end_entrusted() {
  const unsigned count = std::min<unsigned>(board->entrusted_count, 512);
  for (unsigned i = 0; i < count; ++i) {
    if (same_process(board->entrusted[i])) {
      kill(board->entrusted[i].pid, SIGKILL);
    }
  }
}

void tell_who_waits(pid_t tests) {
  std::fprintf(stderr, "keeper: the test process waits in:\n%s", describe_threads(tests).c_str());
  const unsigned count = std::min<unsigned>(board->entrusted_count, 512);
  for (unsigned i = 0; i < count; ++i) {
    if (same_process(board->entrusted[i])) {
      const pid_t pid = board->entrusted[i].pid;
      std::fprintf(stderr, "keeper: %s waits in:\n%s", describe_process(pid).c_str(),
                   describe_threads(pid).c_str());
    }
  }
}

// Returns once the test process has ended.
void watch(pid_t tests, int pidfd) {
  bool aborted = false;
  while (true) {
    pollfd waiting{.fd = pidfd, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 100) > 0) {
      return;
    }
    const long long deadline = board->deadline_ms;
    if (deadline == 0 || now_ms() < deadline) {
      continue;
    }
    std::fprintf(stderr, "keeper: %s took too long; %s\n", board->test.data(),
                 aborted ? "killing it and its daemons" : "aborting its FUSE connections");
    if (aborted) {
      end_entrusted();  // a hung daemon can hold even an aborted request
      kill(tests, SIGKILL);
      board->deadline_ms = 0;
      continue;
    }
    tell_who_waits(tests);
    abort_mounts(directory_of(tests));
    aborted = true;
    board->deadline_ms = now_ms() + patience(10).count();
  }
}

// Removes what a run left behind if its keeper was killed too.
void remove_left_overs() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
    const std::string path = entry.path();
    if (path.starts_with(kPrefix)) {
      const pid_t pid = std::atoi(path.c_str() + std::strlen(kPrefix));
      if (pid > 0 && start_time(pid) == 0) {
        remove_all_of(pid);
      }
    }
  }
}

}  // namespace

void start_keeper() {
  void* memory =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::abort();
  }
  board = new (memory) Board{};
  remove_left_overs();
  mkdir(directory_of(getpid()).c_str(), 0755);
  const std::string control = directory_of(getpid()) + "/fusectl";
  mkdir(control.c_str(), 0700);
  if (!mount_fuse_control(control)) {
    std::perror("mount fusectl");
    std::abort();
  }
  const pid_t tests = getpid();
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, tests, 0));
  const pid_t keeper = fork();
  if (keeper < 0 || pidfd < 0) {
    std::abort();
  }
  if (keeper > 0) {
    ::close(pidfd);
    return;
  }
  setsid();  // a ^C for the tests must not end the keeper
  prctl(PR_SET_NAME, "test-keeper");
  watch(tests, pidfd);
  end_entrusted();
  remove_all_of(tests);
  _exit(0);
}

void expect_within(const std::string& test, double seconds) {
  if (board == nullptr) {
    return;
  }
  board->deadline_ms = 0;
  std::snprintf(board->test.data(), board->test.size(), "%s", test.c_str());
  if (seconds > 0) {
    board->deadline_ms = now_ms() + patience(seconds).count();
  }
}

void entrust_process(pid_t pid) {
  const unsigned place = board->entrusted_count.fetch_add(1) % 512;
  board->entrusted[place].started = start_time(pid);
  board->entrusted[place].pid = pid;
}

const std::string& test_directory() {
  // Named after the process that started the tests, so that forked children use the same.
  static const std::string directory = directory_of(getpid());
  return directory;
}

std::string make_directory(const std::string& name) {
  static std::atomic<int> number = 0;
  const std::string path = test_directory() + "/" + name + "." + std::to_string(number++);
  if (mkdir(path.c_str(), 0755) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  chmod(path.c_str(), 0755);  // regardless of the umask
  return path;
}

}  // namespace scratchfs::harness
