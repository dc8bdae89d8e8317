#include "mount/process/seccomp_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "mount/process/user_names.h"

namespace scratchfs::mount {
namespace {

using Words = std::string;

// Runs `body` in a filtered child process and returns its result. A child, because a filter cannot
// be removed.
Words in_filtered_process(const std::function<Words()>& body) {
  int pipe[2] = {-1, -1};
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Words said = "cannot be filtered";
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (filter_system_calls()) said = body();
    const bool told = ::write(pipe[1], said.data(), said.size()) == ssize_t(said.size());
    ::_exit(told ? 0 : 1);
  }
  ::close(pipe[1]);
  Words said;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(pipe[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(got));
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << said;
  return said;
}

// Makes a system call by number; returns "0" or the name of its errno.
template <typename... Arguments>
Words call(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) >= 0 ? "0" : strerrorname_np(errno);
}

TEST(SystemCalls, WhatServingTakesWorks) {
  EXPECT_EQ(in_filtered_process([]() -> Words {
              const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
              char byte = 0;
              if (::read(file, &byte, 1) != 1) return "read";
              int value = 0;
              std::thread([&] { value = 1; }).join();
              if (value != 1) return "thread";
              if (::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0) return "socket";
              std::string line;
              if (!std::getline(std::ifstream("/proc/self/mountinfo"), line)) return "getline";
              if (find_user("root") != uid_t{0}) return "a user by name";
              if (call(SYS_tgkill, ::getppid(), ::getppid(), 0) != "0") return "who is there";
              if (std::string(16 << 20, 'x').size() != 16 << 20) return "memory";
              return "fine";
            }),
            "fine");
}

TEST(SystemCalls, OthersAreNotThere) {
  for (const long number :
       {long{SYS_mount}, long{SYS_unshare}, long{SYS_setns}, long{SYS_bpf}, long{SYS_keyctl},
        long{SYS_init_module}, long{SYS_setuid}, long{SYS_capset}, long{SYS_open_by_handle_at},
        long{SYS_io_uring_setup}, long{SYS_linkat}, long{SYS_symlinkat}, long{SYS_fchownat}}) {
    EXPECT_EQ(in_filtered_process([number] { return call(number, 0, 0, 0, 0, 0, 0); }), "ENOSYS")
        << number;
  }
  // A number that no kernel uses yet.
  EXPECT_EQ(in_filtered_process([] { return call(5000); }), "ENOSYS");
}

TEST(SystemCalls, NoProgramNoProcessNoTracingNoSignalToOthers) {
  if (kSanitized) return;  // the sanitizers need these calls themselves
  EXPECT_EQ(in_filtered_process([] {
              char* const words[] = {const_cast<char*>("true"), nullptr};
              return ::execv("/bin/true", words) == 0 ? "0" : strerrorname_np(errno);
            }),
            "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return ::fork() >= 0 ? "0" : strerrorname_np(errno); }),
            "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return call(SYS_clone3, nullptr, 0); }), "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return call(SYS_ptrace, 0, 0, 0, 0); }), "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return call(SYS_kill, ::getppid(), 0); }), "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return call(SYS_tgkill, ::getppid(), ::getppid(), SIGCONT); }),
            "ENOSYS");
}

TEST(SystemCalls, NoMemoryOfCodeNoOtherMachineNoTerminal) {
  if (kSanitized) return;  // the filter does not check arguments in these builds
  constexpr int kMemory = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(in_filtered_process([] {
              void* const got = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, kMemory, -1, 0);
              return got == MAP_FAILED ? strerrorname_np(errno) : "0";
            }),
            "ENOSYS");
  EXPECT_EQ(in_filtered_process([] {
              void* const got = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, kMemory, -1, 0);
              return ::mprotect(got, 4096, PROT_READ | PROT_EXEC) == 0 ? "0"
                                                                       : strerrorname_np(errno);
            }),
            "ENOSYS");
  EXPECT_EQ(in_filtered_process([] { return call(SYS_socket, AF_INET, SOCK_STREAM, 0); }),
            "ENOSYS");
  EXPECT_EQ(in_filtered_process([] {
              char byte = 'x';
              return call(SYS_ioctl, 0, TIOCSTI, &byte);
            }),
            "ENOSYS");
}

TEST(SystemCalls, ThreadsThatWereThereBeforeAreFilteredToo) {
  EXPECT_EQ(in_filtered_process([]() -> Words { return "fine"; }), "fine");
  int pipe[2] = {-1, -1};
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::atomic<bool> filtered = false;
    Words said;
    std::thread before([&] {
      while (!filtered) std::this_thread::yield();
      said = call(SYS_mount, 0, 0, 0, 0, 0);
    });
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const bool done = static_cast<bool>(filter_system_calls());
    filtered = true;
    before.join();
    ::_exit(done && said == "ENOSYS" ? 0 : 1);
  }
  ::close(pipe[0]);
  ::close(pipe[1]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace scratchfs::mount
