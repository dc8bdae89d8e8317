// `scratchfs quota`: shows the table of users, or sets limits on a live mount.
#include <fmt/core.h>

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

std::string show_quota(const Quota& quota) {
  const auto& [bytes, inodes] = quota.everyone;
  std::string limits = "none";
  if (!bytes.is_none() || !inodes.is_none()) {
    limits = fmt::format(
        "{}, {}", bytes.is_none() ? "any size" : "at most " + show_bytes(bytes),
        inodes.is_none() ? "any number of inodes" : base::counted(inodes.value, "inode"));
  }
  return fmt::format("Limits of each user but root, where the table shows no others: {}\n\n",
                     limits) +
         show_users(quota.users);
}

}  // namespace

int run(const QuotaCommand& command) {
  const auto request = request_for(command);
  if (!request) return complain(request.error());
  const auto quota = ask_daemon_visibly<Quota>(command.mountpoint, *request);
  if (!quota) return complain(quota.error());
  const std::string text = command.json ? show_reply(quota->text, "quota") : show_quota(*quota);
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace scratchfs::mount
