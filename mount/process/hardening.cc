#include "mount/process/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "fs/base/log.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

namespace scratchfs::mount {

namespace {

// Not -1000, which disables OOM killing altogether: a memory leak in the daemon would then take
// down the whole machine.
constexpr const char* kOomScore = "-900";

void report(bool done, const char* what) {
  if (!done) log::debug("hardening: {}: {}", what, strerrordesc_np(errno));
}

void limit(decltype(RLIMIT_CORE) resource, bool to_zero, const char* what) {
  rlimit values{};
  bool done = ::getrlimit(resource, &values) == 0;
  if (to_zero) values.rlim_max = 0;
  values.rlim_cur = values.rlim_max;
  done = done && ::setrlimit(resource, &values) == 0;
  report(done, what);
}

}  // namespace

void harden() {
  ::umask(0);
  limit(RLIMIT_CORE, true, "RLIMIT_CORE");
  limit(RLIMIT_NOFILE, false, "RLIMIT_NOFILE");
  limit(RLIMIT_FSIZE, false, "RLIMIT_FSIZE");
  if (::geteuid() == 0) {
    std::ofstream score("/proc/self/oom_score_adj");
    score << kOomScore << std::flush;
    report(score.good(), "oom_score_adj");
    report(::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0, "PR_SET_IO_FLUSHER");
  }
  // Last, because a non-dumpable process's /proc/self belongs to root.
#if !defined(SCRATCHFS_SANITIZE_ADDRESS)
  // LeakSanitizer attaches to its own process, which this forbids.
  report(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "PR_SET_DUMPABLE");
#endif
}

}  // namespace scratchfs::mount
