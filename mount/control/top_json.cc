#include "mount/control/top_json.h"

#include <algorithm>
#include <map>
#include <utility>

namespace scratchfs::mount {

namespace {

// The total of several writers: bytes written, and the times of the first and last write.
struct Sum {
  std::uint64_t written = 0;
  std::int64_t since = 0;
  std::int64_t last = 0;

  void add(const kernel::Writer& writer) {
    since = written == 0 && last == 0 ? writer.first : std::min(since, writer.first);
    last = std::max(last, writer.last);
    written += writer.bytes;
  }
  Json json() const { return {{"written", written}, {"since", since}, {"last", last}}; }
};

}  // namespace

Json sessions_to_json(const std::vector<NamedWriter>& writers) {
  std::map<std::pair<pid_t, uid_t>, Sum> sums;
  std::map<pid_t, std::string> leaders;
  for (const NamedWriter& one : writers) {
    sums[{one.writer.session, one.writer.uid}].add(one.writer);
    leaders[one.writer.session] = one.leader;
  }
  Json rows = Json::array();
  for (const auto& [key, sum] : sums) {
    Json row = sum.json();
    row["session"] = key.first;
    row["uid"] = key.second;
    row["command"] = leaders[key.first];
    rows.push_back(std::move(row));
  }
  return rows;
}

Json processes_to_json(const std::vector<NamedWriter>& writers) {
  struct Process {
    Sum sum;
    const NamedWriter* latest = nullptr;
    bool living = false;
  };
  std::map<std::pair<pid_t, uid_t>, Process> processes;
  for (const NamedWriter& one : writers) {
    if (one.writer.thread == 0) continue;
    const pid_t pid = one.process != 0 ? one.process : one.writer.thread;
    Process& process = processes[{pid, one.writer.uid}];
    process.sum.add(one.writer);
    process.living = process.living || one.living;
    if (process.latest == nullptr || one.writer.last >= process.latest->writer.last)
      process.latest = &one;
  }
  Json rows = Json::array();
  for (const auto& [key, process] : processes) {
    Json row = process.sum.json();
    row["pid"] = key.first;
    row["uid"] = key.second;
    row["session"] = process.latest->writer.session;
    row["command"] = process.latest->command;
    row["living"] = process.living;
    rows.push_back(std::move(row));
  }
  return rows;
}

void add_written(Json& users, const std::vector<NamedWriter>& writers) {
  std::map<uid_t, Sum> sums;
  for (const NamedWriter& one : writers) sums[one.writer.uid].add(one.writer);
  for (Json& row : users) {
    const auto found = sums.find(row["uid"].get<uid_t>());
    row["written"] = found == sums.end() ? 0 : found->second.written;
    if (found != sums.end()) sums.erase(found);
  }
  for (const auto& [uid, sum] : sums) {
    users.push_back({{"uid", uid},
                     {"written", sum.written},
                     {"bytes", 0},
                     {"inodes", 0},
                     {"bytes_limit", nullptr},
                     {"inodes_limit", nullptr}});
  }
}

}  // namespace scratchfs::mount
