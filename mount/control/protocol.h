// The control protocol between commands and daemon: through the control file, each side sends one
// JSON object.
//
// Request: {"version": 1, "command": "status" | "top" | "quota" | "set_quota" | "set", ...}
// Reply: {"version": 1, ...} with the answer under "status", "top", "quota" (also for set_quota) or
// "set" (an empty object), or {"version": 1, "error": "what: why"}.
//
// status takes "detail": "about", "numbers" (the default) or "histograms".
//
// set_quota takes either "uid": N or "everyone": true (all users without limits of their own), and
// any of "bytes" and "inodes": a number, or null for no limit. Limits that are absent do not
// change. "reset": true, only with a uid, restores everyone's limits for that user.
//
// set takes any of
//   "memory", "spill", "quota", "log_level": strings, as after -o;
//   "flags": a string, as after -o: all kernel flags that the mount now has;
//   "quota_inodes": a number, or null for no limit;
//   "user_quotas": [{"uid": N, "bytes": "a size", "inodes": N | null}].
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fs/base/result.h"
#include "mount/control/replies.h"
#include "mount/options/mount_options.h"

namespace scratchfs::mount {

struct StatusRequest {
  static constexpr const char* kName = "status";

  enum class Detail : std::uint8_t {
    about,            // only what does not change; answered without delay
    numbers,          // everything that `scratchfs status --json` shows
    with_histograms,  // and the latency histograms
  };
  Detail detail = Detail::numbers;
};
struct TopRequest {
  static constexpr const char* kName = "top";
};
struct QuotaRequest {
  static constexpr const char* kName = "quota";
};

// A limit that is nullopt does not change.
struct SetQuotaRequest {
  static constexpr const char* kName = "set_quota";

  Maybe<uid_t> uid;  // nullopt: everyone
  Maybe<Limit> bytes, inodes;
  bool reset = false;
};

// New values for options of a live mount, as the user wrote them. An option that is nullopt does
// not change.
struct SetRequest {
  static constexpr const char* kName = "set";

  Maybe<std::string> memory, spill, quota, log_level;
  Maybe<std::string> flags;  // words of mount/options/kernel_flags.h
  Maybe<Limit> quota_inodes;
  std::vector<UserQuota> user_quotas;
};

using Request = std::variant<StatusRequest, TopRequest, QuotaRequest, SetQuotaRequest, SetRequest>;

std::string write_request(const Request& request);
// The failure is the error to reply with.
base::Result<Request, base::Failure> read_request(std::string_view text);

// `Reply` is About, Status, Top, Quota or OptionsSet.
template <typename Reply>
std::string write_reply(const Reply& reply);
std::string write_error(const std::string& why);
// Fields that are absent keep their defaults: a daemon of another version may not know them. The
// failure is the daemon's error, or says that the text is not such a reply.
template <typename Reply>
base::Result<Reply, base::Failure> read_reply(std::string_view text);

// Formats a reply for programs: what is under `name`, as the daemon sent it, with the name of each
// user and `warnings` added, if there are any.
std::string show_reply(std::string_view reply, const char* name,
                       const std::vector<Warning>* warnings = nullptr);

}  // namespace scratchfs::mount
