// What commands and daemon say to each other through the control file: one JSON object each way.
//
// Request: {"version": 1, "command": "status" | "quota" | "set_quota", ...}. Reply: {"version": 1,
// ...} with the answer under the command's name ("status", "quota"), or {"version": 1, "error":
// "what: why"}. set_quota takes either "uid": N or "everyone": true (who has no limits of his own),
// and any of "bytes" and "inodes": a number, or null for no limit; what is absent stays. "reset":
// true (only with uid): back to everyone's limits.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "fs/base/result.h"

namespace scratchfs::mount {

inline constexpr int kProtocolVersion = 1;
inline constexpr const char* kControlFile = ".scratchfs-control";
inline constexpr std::size_t kLongestRequest = 64 * 1024;  // bytes

using Json = nlohmann::json;

struct StatusRequest {};
struct QuotaRequest {};

// nullopt: leave it as it is.
struct SetQuotaRequest {
  std::optional<uid_t> uid;            // nullopt: everyone
  std::optional<std::uint64_t> bytes;  // limits::kUnlimited: none
  std::optional<std::uint64_t> inodes;
  bool reset = false;
};

using Request = std::variant<StatusRequest, QuotaRequest, SetQuotaRequest>;

std::string write_request(const Request& request);
// The failure is for the reply.
base::Result<Request, base::Failure> read_request(std::string_view text);

std::string write_reply(const char* what, Json answer);
std::string write_error(const std::string& why);
// The answer under `what`, or the daemon's error.
base::Result<Json, base::Failure> read_reply(std::string_view text, const char* what);

// A limit as JSON: a number, null for none.
Json limit_to_json(std::uint64_t limit);

}  // namespace scratchfs::mount
