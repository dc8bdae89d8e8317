// A process next to the tests that cleans up after them in any case.
//
// If a test exceeds its time limit, the keeper reports what everything waits for and aborts the
// test's FUSE connections, so that the test can fail by itself; if it does not, the keeper kills
// it. When the test process ends, even by a crash, the keeper ends the remaining daemons, detaches
// their mounts and removes the test's directory.
#pragma once

#include <sys/types.h>

#include <string>

namespace scratchfs::harness {

// Forks the keeper. Call it once per process, before any thread is created.
void start_keeper();
// Sets the running test's name and its time limit from now on, in seconds (adjusted by slowness());
// 0: no limit.
void expect_within(const std::string& test, double seconds);
// Makes the keeper end a process that must not outlive this one.
void entrust_process(pid_t pid);

// The directory of everything that this process creates: /tmp/scratchfs-test.PID
const std::string& test_directory();
// Creates an empty directory below test_directory() with mode 0755 and returns its path.
std::string make_directory(const std::string& name);

}  // namespace scratchfs::harness
