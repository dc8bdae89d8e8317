// The file of `-o quota_file=`: a line for each user's limits.
//
//   # user  bytes  inodes (none where absent)
//   *       20G    100000     everyone who has no line, except root
//   anna    100G
//   1003    none   none
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fs/base/result.h"
#include "fs/quota/ledger.h"

namespace scratchfs::mount {

struct QuotaFile {
  std::optional<limits::Limits> each_user;
  std::map<uid_t, limits::Limits> users;
};

// `path` is for messages: `/etc/scratch-quotas:3: why`. Percentages are of `whole` bytes. Asks for
// users' names, getpwnam(3).
base::Result<QuotaFile, base::Failure> parse_quota_file(std::string_view text,
                                                        const std::string& path,
                                                        std::uint64_t whole);
// Refuses what is no regular file, and more than 16 MiB.
base::Result<QuotaFile, base::Failure> read_quota_file(const std::string& path,
                                                       std::uint64_t whole);

// What the options say, with what the file says instead where it says anything.
limits::Ledger::Options with_quotas(limits::Ledger::Options options, const QuotaFile& quotas);

}  // namespace scratchfs::mount
