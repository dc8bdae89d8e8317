// What commands and daemon say to each other through the control file: one JSON object each way.
//
// Request: {"version": 1, "command": "status" | "top" | "quota" | "set_quota" | "set", ...}. Reply:
// {"version": 1, ...} with the answer under the command's name ("status", "top", "quota"), or
// {"version": 1, "error": "what: why"}. status takes "detail": "about", "numbers" (so if absent) or
// "histograms". set_quota takes either "uid": N or "everyone": true (who has no limits of his own),
// and any of "bytes" and "inodes": a number, or null for no limit; what is absent stays. "reset":
// true (only with uid): back to everyone's limits.
//
// set takes any of "memory", "spill", "quota", "log_level" (words, as after -o), "flags" (words, as
// after -o: all that the kernel now has of this mount), "quota_inodes" (as above) and
// "user_quotas": [{"uid": N, "bytes": "a size", "inodes": N | null}].
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
    about,    // what does not change, and is answered at once
    numbers,  // all that `scratchfs status --json` shows
    with_histograms,
  };
  Detail detail = Detail::numbers;
};
struct TopRequest {};
struct QuotaRequest {};

// nullopt: leave it as it is.
struct SetQuotaRequest {
  std::optional<uid_t> uid;            // nullopt: everyone
  std::optional<std::uint64_t> bytes;  // limits::kUnlimited: none
  std::optional<std::uint64_t> inodes;
  bool reset = false;
};

// Options of a live mount, as they were written; nullopt: it stays as it is.
struct SetRequest {
  std::optional<std::string> memory;
  std::optional<std::string> spill;
  std::optional<std::string> quota;
  std::optional<std::string> log_level;
  std::optional<std::string> flags;           // as mount/options/kernel_flags.h has them
  std::optional<std::uint64_t> quota_inodes;  // limits::kUnlimited: none
  std::vector<UserQuota> user_quotas;
};

using Request = std::variant<StatusRequest, TopRequest, QuotaRequest, SetQuotaRequest, SetRequest>;

std::string write_request(const Request& request);
// The failure is for the reply.
base::Result<Request, base::Failure> read_request(std::string_view text);

std::string write_reply(const char* what, Json answer);
std::string write_error(const std::string& why);
// The answer under `what`, or the daemon's error.
base::Result<Json, base::Failure> read_reply(std::string_view text, const char* what);

// A limit as JSON: a number, null for none.
Json limit_to_json(std::uint64_t limit);

// A number that is not negative; nullopt for anything else.
std::optional<std::uint64_t> natural(const Json& json);

// A member of `object`, null where it is absent.
const Json& member(const Json& object, const char* name);

}  // namespace scratchfs::mount
