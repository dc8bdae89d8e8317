#include "mount/writer_names.h"

#include <unistd.h>

#include <ctime>
#include <optional>

#include "fs/base/clock.h"
#include "fs/tree/processes.h"

namespace scratchfs::mount {

namespace {

// When the machine started, in seconds since 1970.
std::int64_t boot_time() {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return base::now().tv_sec - since_boot.tv_sec;
}

// Whether the thread that wrote is still there, and not another that got its number.
bool lives(const kernel::Writer& writer, std::int64_t booted) {
  if (writer.thread <= 0) return false;
  const auto thread = tree::read_process(writer.thread);
  if (!thread || !thread->is_living()) return false;
  const auto began =
      booted + static_cast<std::int64_t>(thread->started /
                                         static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
  return began <= writer.first + 1;  // both are rounded
}

}  // namespace

std::vector<NamedWriter> WriterNames::name(const std::vector<kernel::Writer>& writers) {
  const std::int64_t booted = boot_time();
  std::vector<NamedWriter> named;
  named.reserve(writers.size());
  std::map<Key, Name> still;
  base::Lock lock(mutex_);
  for (const kernel::Writer& writer : writers) {
    NamedWriter& one = named.emplace_back();
    one.writer = writer;
    const Key key{writer.thread, writer.first};
    one.living = lives(writer, booted);
    Name name;
    if (const auto known = names_.find(key); known != names_.end()) name = known->second;
    if (one.living) {
      name.process = tree::process_of_thread(writer.thread);
      name.command = tree::command_of(name.process);
    }
    one.process = name.process;
    one.command = name.command;
    if (writer.thread > 0) still.insert_or_assign(key, std::move(name));
  }
  names_ = std::move(still);
  return named;
}

std::string WriterNames::leader_of(pid_t session) {
  return session > 0 ? tree::command_of(session) : std::string();
}

}  // namespace scratchfs::mount
