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
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fs/base/result.h"
#include "mount/options/mount_options.h"

namespace scratchfs::mount {

inline constexpr int kProtocolVersion = 1;
inline constexpr const char* kControlFile = ".scratchfs-control";
inline constexpr std::size_t kLongestRequest = 64 * 1024;  // bytes

using Json = nlohmann::json;

struct StatusRequest {
  enum class Detail : std::uint8_t {
    about,            // only what does not change; answered without delay
    numbers,          // everything that `scratchfs status --json` shows
    with_histograms,  // and the latency histograms
  };
  Detail detail = Detail::numbers;
};
struct TopRequest {};
struct QuotaRequest {};

// A limit that is nullopt does not change.
struct SetQuotaRequest {
  std::optional<uid_t> uid;            // nullopt: everyone
  std::optional<std::uint64_t> bytes;  // quota::kUnlimited: no limit
  std::optional<std::uint64_t> inodes;
  bool reset = false;
};

// New values for options of a live mount, as the user wrote them. An option that is nullopt does
// not change.
struct SetRequest {
  std::optional<std::string> memory;
  std::optional<std::string> spill;
  std::optional<std::string> quota;
  std::optional<std::string> log_level;
  std::optional<std::string> flags;           // words of mount/options/kernel_flags.h
  std::optional<std::uint64_t> quota_inodes;  // quota::kUnlimited: no limit
  std::vector<UserQuota> user_quotas;
};

using Request = std::variant<StatusRequest, TopRequest, QuotaRequest, SetQuotaRequest, SetRequest>;

std::string write_request(const Request& request);
// The failure is the error to reply with.
base::Result<Request, base::Failure> read_request(std::string_view text);

std::string write_reply(const char* what, Json answer);
std::string write_error(const std::string& why);
// Returns the part of the reply under `what`, or the daemon's error.
base::Result<Json, base::Failure> read_reply(std::string_view text, const char* what);

// Converts a limit to JSON: a number, or null for no limit.
Json limit_to_json(std::uint64_t limit);

// Returns a non-negative integer; nullopt for any other value.
std::optional<std::uint64_t> natural(const Json& json);

// Returns a member of `object`, or null if it is absent.
const Json& member(const Json& object, const char* name);

}  // namespace scratchfs::mount
