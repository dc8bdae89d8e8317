// A process beside the tests that cleans up after them, whatever becomes of them.
//
// When a test takes longer than it may, the keeper says so, tells what everybody waits for, and
// aborts the FUSE connections of the test, so that it can fail by itself; if it does not, it is
// killed. When the test process ends, by a crash too, the keeper ends the daemons that are left,
// detaches their mounts and removes the test's directory.
#pragma once

#include <sys/types.h>

#include <string>

namespace scratchfs::harness {

// Forks the keeper. Once per process, before any thread.
void start_keeper();
// The running test's name and how long it may take from now on (adjusted by slowness()); 0: no
// limit.
void expect_within(const std::string& test, double seconds);
// A process that must not outlive this one.
void entrust_process(pid_t pid);

// All that this process makes lies below: /tmp/scratchfs-test.PID
const std::string& test_directory();
// A new empty directory below test_directory(), mode 0755.
std::string make_directory(const std::string& name);

}  // namespace scratchfs::harness
