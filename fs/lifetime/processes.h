// Reads /proc/PID/stat, status and comm. No other file there is read, because the others take locks
// of a process that may be waiting for the daemon.
#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "fs/base/result.h"

namespace scratchfs::lifetime {

struct Process {
  pid_t pid = 0;
  char state = '?';
  pid_t session = 0;
  long threads = 0;
  std::uint64_t started = 0;  // clock ticks since boot

  // If the main thread has ended while other threads live on, the process shows as a zombie.
  bool is_living() const { return (state != 'Z' && state != 'X') || threads > 1; }
};

// Whether the error is a lack of memory or descriptors, which says nothing about the process.
bool is_lack(base::Errno error);

// Reads /proc/PID/stat. ESRCH: there is no such process, or it is hidden. ENOMEM, EMFILE, ENFILE:
// that cannot be determined now.
base::Result<Process> read_process(pid_t pid);
// Returns the real, effective, saved and file system uid from /proc/PID/status. Errors as above.
base::Result<std::array<uid_t, 4>> users_of(pid_t pid);
// Returns the process of the thread `tid` from /proc/TID/status; 0 if it is not visible.
pid_t process_of_thread(pid_t tid);
// Returns /proc/PID/comm with unprintable characters as '?'; empty if there is no such process.
std::string command_of(pid_t pid);

// Whether /proc hides no process from the daemon (proc(5), hidepid).
bool all_processes_are_shown();
// Visits every process that /proc shows, at tens of microseconds each. Returns an error, as above,
// if not all could be read; the others are visited nevertheless.
base::Result<void> for_each_process(const std::function<void(const Process&)>& visit);

}  // namespace scratchfs::lifetime
