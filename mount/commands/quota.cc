// `scratchfs quota`: shows the table of users, or sets limits on a live mount.
#include <fmt/format.h>

#include <cstdio>

#include "fs/base/counted.h"
#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/options/mount_options.h"
#include "mount/process/user_names.h"
#include "mount/view/user_table.h"

namespace scratchfs::mount {

namespace {

Outcome<Request> request_for(const QuotaCommand& command) {
  if (!command.user && !command.everyone) return Request(QuotaRequest{});
  SetQuotaRequest request;
  if (command.user) {
    request.uid = find_user(*command.user);
    if (!request.uid) return usage("--user " + *command.user + ": there is no such user");
  }
  if (command.bytes) {
    const auto limit = parse_byte_limit(*command.bytes, 0);
    if (!limit) return usage("--bytes " + *command.bytes + ": " + limit.error().message);
    request.bytes = *limit;
  }
  if (command.inodes) {
    const auto limit = parse_inode_limit(*command.inodes);
    if (!limit) return usage("--inodes " + *command.inodes + ": " + limit.error().message);
    request.inodes = *limit;
  }
  request.reset = command.reset;
  return Request(request);
}

std::string show_limits(const Json& limits) {
  const Json& bytes = member(limits, "bytes_limit");
  const Json& inodes = member(limits, "inodes_limit");
  if (bytes.is_null() && inodes.is_null()) return "none";
  return fmt::format("{}, {}", bytes.is_null() ? "any size" : "at most " + show_bytes(bytes),
                     inodes.is_null() ? "any number of inodes"
                                      : base::counted(natural(inodes).value_or(0), "inode"));
}

std::string show_quota(const Json& quota) {
  return fmt::format("Limits of each user but root, where the table shows no others: {}\n\n",
                     show_limits(member(quota, "everyone"))) +
         show_users(member(quota, "users"));
}

}  // namespace

int run(const QuotaCommand& command) {
  const auto request = request_for(command);
  if (!request) return complain(request.error());
  auto quota = ask_daemon_visibly(command.mountpoint, *request, "quota");
  if (!quota) return complain(quota.error());
  std::string text;
  if (command.json) {
    if (quota->contains("users")) add_names((*quota)["users"]);
    text = quota->dump(2) + "\n";
  } else {
    text = show_quota(*quota);
  }
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace scratchfs::mount
