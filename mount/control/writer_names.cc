#include "mount/control/writer_names.h"

#include <unistd.h>

#include <ctime>
#include <set>

#include "fs/base/clock.h"
#include "fs/lifetime/processes.h"

namespace scratchfs::mount {

namespace {

// Returns when the machine booted, in seconds since 1970.
std::int64_t boot_time() {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return base::now().tv_sec - since_boot.tv_sec;
}

// Whether the thread that wrote is alive, and its id has not been reused by another thread.
bool lives(const kernel::Writer& writer, std::int64_t booted) {
  if (writer.thread <= 0) return false;
  const auto thread = lifetime::read_process(writer.thread);
  if (!thread || !thread->is_living()) return false;
  const auto began =
      booted + static_cast<std::int64_t>(thread->started /
                                         static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
  return began <= writer.first + 1;  // both are rounded to seconds
}

}  // namespace

std::vector<NamedWriter> WriterNames::name(const std::vector<kernel::Writer>& writers,
                                           std::optional<uid_t> only) {
  const std::int64_t booted = boot_time();
  const Clock::time_point now = Clock::now();
  std::vector<NamedWriter> named;
  base::Lock lock(mutex_);
  forget_all_but(writers);
  for (const kernel::Writer& writer : writers) {
    if (only && writer.uid != *only) continue;
    NamedWriter& one = named.emplace_back();
    one.writer = writer;
    if (writer.thread > 0) {
      Name& name = names_[{writer.thread, writer.first}];
      if (now - name.looked >= kGoodFor) look_at(writer, booted, now, name);
      one.process = name.process;
      one.command = name.command;
      one.living = name.living;
    }
    if (writer.session > 0) {
      Leader& leader = leaders_[writer.session];
      if (now - leader.looked >= kGoodFor) leader = leader_now(writer.session, now);
      if (!only || leader.uid == *only) one.leader = leader.command;
    }
  }
  return named;
}

void WriterNames::forget_all_but(const std::vector<kernel::Writer>& writers) {
  std::set<Key> threads;
  std::set<pid_t> sessions;
  for (const kernel::Writer& writer : writers) {
    threads.insert({writer.thread, writer.first});
    sessions.insert(writer.session);
  }
  std::erase_if(names_, [&](const auto& entry) { return !threads.contains(entry.first); });
  std::erase_if(leaders_, [&](const auto& entry) { return !sessions.contains(entry.first); });
}

void WriterNames::look_at(const kernel::Writer& writer, std::int64_t booted, Clock::time_point now,
                          Name& name) {
  name.looked = now;
  name.living = lives(writer, booted);
  if (!name.living) return;
  name.process = lifetime::process_of_thread(writer.thread);
  name.command = lifetime::command_of(name.process);
}

WriterNames::Leader WriterNames::leader_now(pid_t session, Clock::time_point now) {
  const auto users = lifetime::users_of(session);
  if (!users) return {.looked = now};
  return {.command = lifetime::command_of(session), .uid = users->front(), .looked = now};
}

}  // namespace scratchfs::mount
