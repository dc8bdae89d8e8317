// Parses the file given by `-o quota_file=`, which has one line per user:
//
//   # user  bytes  inodes (no limit if left out)
//   *       20G    100000     # every user without a line, except root
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
  std::optional<quota::Limits> everyone;
  std::map<uid_t, quota::Limits> users;
};

// Parses `text`. Failures are reported as `PATH:LINE: why`. Percentages are of `whole` bytes. Looks
// up user names (getpwnam(3)).
base::Result<QuotaFile, base::Failure> parse_quota_file(std::string_view text,
                                                        const std::string& path,
                                                        std::uint64_t whole);
// Reads and parses the file. Refuses one that is not a regular file or is larger than 16 MiB.
base::Result<QuotaFile, base::Failure> read_quota_file(const std::string& path,
                                                       std::uint64_t whole);

// Returns `options` with the limits that the file sets in place of theirs.
quota::Ledger::Options with_quotas(quota::Ledger::Options options, const QuotaFile& quotas);

}  // namespace scratchfs::mount
