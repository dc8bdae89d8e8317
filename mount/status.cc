#include "mount/status.h"

#include <fmt/format.h>

#include <cstdio>

#include "mount/commands.h"
#include "mount/control_client.h"
#include "mount/user_table.h"

namespace scratchfs::mount {

namespace {

std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : "?"; }

std::uint64_t number_of(const Json& json) { return natural(json).value_or(0); }

std::string show_transport(const Json& transport) {
  const bool io_uring = member(transport, "io_uring") == true;
  const std::string how = io_uring ? fmt::format("io_uring ({} rings of {}, {} at most)",
                                                 show_count(member(transport, "rings")),
                                                 show_count(member(transport, "ring_depth")),
                                                 show_bytes(member(transport, "ring_bytes")))
                                   : "/dev/fuse";
  return fmt::format("{}, {} requests waiting", how, number_of(member(transport, "parked")));
}

std::string show_memory(const Json& memory) {
  std::string text =
      fmt::format("{} of {} used, {} in reserve", show_bytes(member(memory, "used")),
                  show_bytes(member(memory, "budget")), show_bytes(member(memory, "reserve")));
  if (member(memory, "locked") == true) text += ", locked";
  if (member(memory, "pressure") == true)
    text += ", less than " + show_bytes(member(memory, "target")) +
            " wanted: the machine is short of it";
  return text;
}

std::string show_spill(const Json& spill) {
  const Json& directory = member(spill, "directory");
  if (!directory.is_string()) return "off";
  const Json& free = member(spill, "disk_free");
  return fmt::format("{} of {} used in {}{}", show_bytes(member(spill, "used")),
                     show_bytes(member(spill, "limit")), text_of(directory),
                     free.is_null() ? "" : ", " + show_bytes(free) + " free on that disk");
}

std::string show_files(const Json& files) {
  return fmt::format("{} in {} inodes (of {}); {} deleted because nothing held them",
                     show_bytes(member(files, "bytes")), number_of(member(files, "inodes")),
                     show_count(member(files, "inodes_limit")),
                     number_of(member(files, "deleted_unheld")));
}

std::string show_warnings(const Json& spill) {
  std::string text;
  if (const auto count = number_of(member(spill, "blocks_corrupt")); count != 0) {
    text += fmt::format("warning    {} spilled blocks came back damaged (EIO)\n", count);
  }
  if (const auto count = number_of(member(spill, "write_errors")); count != 0) {
    text += fmt::format("warning    {} writes to the spill files failed\n", count);
  }
  return text;
}

}  // namespace

std::string show_duration(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

std::string show_status(const Json& status) {
  const Json& spill = member(status, "spill");
  return fmt::format(
             "{} on {}: scratchfs {}, up {}, process {}\n"
             "transport  {}\n"
             "lifetime   {}, claimed by {}; new files {}\n"
             "memory     {}\n"
             "spill      {}\n"
             "files      {}\n",
             text_of(member(status, "source")), text_of(member(status, "mountpoint")),
             text_of(member(status, "program")),
             show_duration(number_of(member(status, "uptime_seconds"))),
             number_of(member(status, "pid")), show_transport(member(status, "transport")),
             text_of(member(status, "lifetime")), text_of(member(status, "claim")),
             text_of(member(status, "create_mode")), show_memory(member(status, "memory")),
             show_spill(spill), show_files(member(status, "files"))) +
         show_warnings(spill) + "\n" + show_users(member(status, "users"));
}

int run(const StatusCommand& command) {
  auto status = ask_daemon(command.mountpoint, StatusRequest{}, "status");
  if (!status) return complain(status.error());
  std::string text;
  if (command.json) {
    if (status->contains("users")) add_names((*status)["users"]);
    text = status->dump(2) + "\n";
  } else {
    text = show_status(*status);
  }
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace scratchfs::mount
