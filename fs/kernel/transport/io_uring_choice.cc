#include "fs/kernel/transport/io_uring_choice.h"

#include <fmt/core.h>
#include <liburing.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/ring_wrap.h"

namespace scratchfs::kernel {

namespace {

constexpr const char* kParameter = "/sys/module/fuse/parameters/enable_uring";
constexpr const char* kPossible = "/sys/devices/system/cpu/possible";

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Tries io_uring, which containers often forbid. The flags are those that libfuse sets.
void try_ring(IoUringFacts& facts) {
  io_uring ring{};
  io_uring_params params{};
  params.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  params.cq_entries = 4;
  facts.ring_error = -io_uring_queue_init_params(2, &ring, &params);
  if (facts.ring_error != 0) return;
#if SCRATCHFS_WRAPS_RINGS
  facts.unknown_setup = Ring::unknown_setup(ring);
#endif
  io_uring_queue_exit(&ring);
}

// Returns why io_uring cannot be used; empty if at most the module parameter is in the way.
std::string obstacle(const IoUringFacts& facts) {
  if (facts.parameter == IoUringFacts::Parameter::missing) {
    return "this kernel has no FUSE over io_uring (it needs Linux 6.14)";
  }
  if (facts.ring_error != 0) {
    return fmt::format("io_uring is not available here: {}", strerror(facts.ring_error));
  }
  if (facts.unknown_setup != 0) {
    return fmt::format("this machine's liburing sets unsupported ring flags {:#x}",
                       facts.unknown_setup);
  }
  if (facts.possible_cpus != facts.configured_cpus) {
    return fmt::format(
        "the kernel requires a ring for each of {} possible CPUs, libfuse creates {}",
        facts.possible_cpus, facts.configured_cpus);
  }
  return {};
}

}  // namespace

int count_cpus(const std::string& list) {
  int count = 0;
  std::istringstream stream(list);
  std::string range;
  while (std::getline(stream, range, ',')) {
    int first = 0;
    int last = 0;
    char rest = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it, and what was found is counted
    const int found = std::sscanf(range.c_str(), "%d-%d%c", &first, &last, &rest);
    if (found != 1 && found != 2) return 0;
    if (found == 1) last = first;
    if (first < 0 || last < first) return 0;
    count += last - first + 1;
  }
  return count;
}

IoUringFacts io_uring_facts() {
  IoUringFacts facts;
  const std::string parameter = first_line(kParameter);
  if (!parameter.empty()) {
    facts.parameter =
        parameter == "Y" ? IoUringFacts::Parameter::enabled : IoUringFacts::Parameter::disabled;
  }
  try_ring(facts);
  facts.possible_cpus = count_cpus(first_line(kPossible));
  facts.configured_cpus = get_nprocs_conf();
  facts.may_enable = access(kParameter, W_OK) == 0;
  return facts;
}

base::Result<IoUringChoice, base::Failure> choose_io_uring(IoUring wish,
                                                           const IoUringFacts& facts) {
  if (wish == IoUring::off) return IoUringChoice{};
  const bool is_must = wish == IoUring::on;
  const bool is_enabled = facts.parameter == IoUringFacts::Parameter::enabled;
  std::string why_not = obstacle(facts);
  std::string remedy = "mount with io_uring=off or io_uring=auto";
  if (why_not.empty() && !is_enabled && !(is_must && facts.may_enable)) {
    why_not = "the kernel's FUSE over io_uring is switched off";
    remedy = fmt::format("as root: echo Y > {}", kParameter);
  }
  if (why_not.empty()) return IoUringChoice{.use = true, .must_enable = !is_enabled, .why_not = {}};
  if (is_must) return base::Failure{fmt::format("io_uring=on: {}; {}", why_not, remedy)};
  return IoUringChoice{.why_not = std::move(why_not)};
}

base::Result<void, base::Failure> enable_io_uring() {
  std::ofstream file(kParameter);
  file << "Y" << std::flush;
  if (file) return {};
  return base::Failure{fmt::format("{}: cannot be written", kParameter)};
}

}  // namespace scratchfs::kernel
