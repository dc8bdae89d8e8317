// What /proc tells of other processes: stat, status and comm alone, because the other files there
// take locks of a process that may be waiting for us.
#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "fs/base/result.h"

namespace scratchfs::tree {

struct Process {
  pid_t pid = 0;
  char state = '?';
  pid_t session = 0;
  long threads = 0;
  std::uint64_t started = 0;  // clock ticks since boot

  // A dead main thread shows as a zombie while other threads of the process live on.
  bool is_living() const { return (state != 'Z' && state != 'X') || threads > 1; }
};

// Whether an error tells of what the machine has too little of now, and nothing of what was asked.
bool is_lack(base::Errno error);

// /proc/PID/stat. ESRCH: there is no such process, or it is hidden; ENOMEM, EMFILE, ENFILE: that
// cannot be known now.
base::Result<Process> read_process(pid_t pid);
// Its real, effective, saved and file system user: /proc/PID/status. Errors as above.
base::Result<std::array<uid_t, 4>> users_of(pid_t pid);
// The process that the thread `tid` belongs to: /proc/TID/status; 0: not to be seen.
pid_t process_of_thread(pid_t tid);
// /proc/PID/comm with what is not printable as '?'; empty where there is none.
std::string command_of(pid_t pid);

// Whether /proc hides nobody from us: proc(5), hidepid.
bool all_processes_are_shown();
// Every process that /proc shows; tens of microseconds each. An error where not all could be looked
// at: as above.
base::Result<void> for_each_process(const std::function<void(const Process&)>& visit);

}  // namespace scratchfs::tree
