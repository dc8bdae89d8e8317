#include "mount/control/protocol.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "fs/kernel/handlers/control.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

using Json = nlohmann::json;

namespace {

constexpr int kVersion = 1;

// Thrown where JSON is not what was expected, as is Json::exception.
struct Mismatch {
  std::string message;
};

// Converts a value; throws if it has another type, or is a number that does not fit.
template <typename T>
void read(const Json& json, T& value) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    if (!json.is_number_integer()) throw Mismatch{"not an integer"};
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                : std::in_range<T>(json.get<std::int64_t>());
    if (!fits) throw Mismatch{"out of range"};
    value = json.get<T>();
  } else {
    json.get_to(value);
  }
}
void read(const Json& json, std::vector<std::uint64_t>& numbers) {
  numbers.clear();
  for (const Json& one : json.get_ref<const Json::array_t&>()) read(one, numbers.emplace_back());
}
void read(const Json& json, std::map<std::string, std::uint64_t>& numbers) {
  numbers.clear();
  for (const auto& [name, one] : json.get_ref<const Json::object_t&>()) read(one, numbers[name]);
}
void read(const Json& json, Limit& limit) {
  limit = {};
  if (!json.is_null()) read(json, limit.value);
}
template <typename T>
void read(const Json& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) read(json, value.emplace());
}
template <typename T>
void read(const Json& json, Maybe<T>& value) {
  read(json, value.emplace());
}

// Reads a member of an object, if it is there; the exception names it.
template <typename T>
void read_member(const Json& object, const char* name, T& value) {
  const auto& members = object.get_ref<const Json::object_t&>();
  const auto found = members.find(name);
  if (found == members.end()) return;
  try {
    read(found->second, value);
  } catch (const Json::exception&) {
    throw Mismatch{std::string(name) + ": not valid"};
  } catch (const Mismatch&) {
    throw Mismatch{std::string(name) + ": not valid"};
  }
}

template <typename T>
void write_member(Json& object, const char* name, const T& value) {
  object[name] = value;
}
template <typename T>
void write_member(Json& object, const char* name, const std::optional<T>& value) {
  object[name] = value ? Json(*value) : Json(nullptr);
}
void write_member(Json& object, const char* name, const Limit& limit) {
  object[name] = limit.is_none() ? Json(nullptr) : Json(limit.value);
}

template <typename T>
void write_member(Json& object, const char* name, const Maybe<T>& value) {
  if (value) write_member(object, name, *value);
}

bool is_no_user(uid_t uid) { return uid == static_cast<uid_t>(-1); }

}  // namespace

// Defines to_json() and from_json() of a struct with these fields. Absent fields keep their values.
#define READ_FIELD(field) read_member(json, #field, value.field);
#define WRITE_FIELD(field) write_member(json, #field, value.field);
#define FIELDS(Type, ...)                                               \
  static void from_json(const Json& json, Type& value) {                \
    NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(READ_FIELD, __VA_ARGS__))  \
  }                                                                     \
  static void to_json(Json& json, const Type& value) {                  \
    NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(WRITE_FIELD, __VA_ARGS__)) \
  }

#define ABOUT                                                                               \
  program, mountpoint, source, owner, shared, pid, guardian_pid, supervised, pid_namespace, \
      mounted_since, uptime_seconds, lifetime, claim, create_mode, private_names, confine,  \
      quota_file, subuid, quota_warn_percent
#define USER_ROW uid, bytes, inodes, bytes_limit, inodes_limit, own_limits

FIELDS(Transport, io_uring, rings, ring_depth, ring_bytes, parked, parked_total)
FIELDS(RequestKind, total, recent, per_second, p50_ns, p99_ns, sum_ns, below_bounds)
FIELDS(Requests, recent_seconds, kinds, bounds_ns)
FIELDS(Memory, budget, target, used, reserve, pressure, locked)
FIELDS(Spill, directory, limit, used, disk_free, blocks_spilled, blocks_fetched, blocks_corrupt,
       write_errors, timeout_seconds)
FIELDS(Files, bytes, inodes, inodes_limit, objects, open_handles, held_by, deleted_for,
       counted_seconds_ago, deleted_unheld)
FIELDS(UserRow, USER_ROW)
FIELDS(CountedUserRow, USER_ROW, in_memory, spilled, oldest_file)
FIELDS(Warning, code, text)
FIELDS(About, ABOUT)
FIELDS(Status, ABOUT, transport, requests, memory, spill, files, users, warnings)
FIELDS(TopRow, uid, session, pid, command, living, written, since, last, bytes, inodes, bytes_limit)
FIELDS(Top, mountpoint, clock_ms, now, memory, spill, users, sessions, processes)
FIELDS(Quota::Everyone, bytes_limit, inodes_limit)
FIELDS(Quota, everyone, users)

static void from_json(const Json& json, OptionsSet& /*done*/) {
  json.get_ref<const Json::object_t&>();
}
static void to_json(Json& json, const OptionsSet& /*done*/) { json = Json::object(); }

// In the order of StatusRequest::Detail.
constexpr std::array<std::string_view, 3> kDetails{"about", "numbers", "histograms"};

static void to_json(Json& json, const StatusRequest& request) {
  json["detail"] = kDetails.at(static_cast<std::size_t>(request.detail));
}
static void from_json(const Json& json, StatusRequest& request) {
  std::string detail = "numbers";
  read_member(json, "detail", detail);
  const auto found = std::find(kDetails.begin(), kDetails.end(), detail);
  if (found == kDetails.end()) throw Mismatch{"unknown detail"};
  request.detail = StatusRequest::Detail(found - kDetails.begin());
}

FIELDS(SetQuotaRequest, uid, bytes, inodes, reset)
FIELDS(SetRequest, memory, spill, quota, log_level, flags, quota_inodes, user_quotas)

static void to_json(Json& json, const UserQuota& quota) {
  json = {{"uid", quota.uid}, {"bytes", quota.bytes}};
  write_member(json, "inodes", Limit(quota.inodes));
}
static void from_json(const Json& json, UserQuota& quota) {
  Limit inodes;
  read(json.at("uid"), quota.uid);
  read(json.at("bytes"), quota.bytes);
  read_member(json, "inodes", inodes);
  quota.inodes = inodes.value;
  if (is_no_user(quota.uid)) throw Mismatch{"no user"};
}

namespace {

Json parse(std::string_view text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

std::string dump(const Json& json) {
  // JSON must be UTF-8, but a path need not be: replaces invalid bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

SetQuotaRequest read_set_quota(const Json& json) {
  const auto quota = json.get<SetQuotaRequest>();
  bool everyone = false;
  read_member(json, "everyone", everyone);
  if (everyone == quota.uid.has_value()) throw Mismatch{"needs either uid or everyone"};
  if (quota.uid && is_no_user(*quota.uid)) throw Mismatch{"the uid is not valid"};
  const bool limits = quota.bytes || quota.inodes;
  if (quota.reset && (everyone || limits)) throw Mismatch{"reset takes a uid and nothing else"};
  if (!quota.reset && !limits) throw Mismatch{"there is nothing to set"};
  return quota;
}

Request read_command(const Json& json, std::string_view command) {
  if (command == StatusRequest::kName) return json.get<StatusRequest>();
  if (command == TopRequest::kName) return TopRequest{};
  if (command == QuotaRequest::kName) return QuotaRequest{};
  if (command == SetQuotaRequest::kName) return read_set_quota(json);
  if (command == SetRequest::kName) return json.get<SetRequest>();
  throw Mismatch{"this mount does not know the command"};
}

}  // namespace

std::string write_request(const Request& request) {
  Json json;
  std::visit(
      [&]<typename Kind>(const Kind& kind) {
        if constexpr (!std::is_empty_v<Kind>) json = kind;
        json["command"] = Kind::kName;
      },
      request);
  json["version"] = kVersion;
  if (const auto* quota = std::get_if<SetQuotaRequest>(&request); quota != nullptr && !quota->uid)
    json["everyone"] = true;
  return dump(json);
}

base::Result<Request, base::Failure> read_request(std::string_view text) {
  if (text.size() > kernel::kMaxControlRequest) return base::Failure{"the request is too long"};
  const Json json = parse(text);
  if (!json.is_object()) return base::Failure{"the request is not a JSON object"};
  if (json.value("version", Json()) != kVersion) {
    return base::Failure{"this mount uses version " + std::to_string(kVersion) +
                         " of the control protocol: use the scratchfs command it was mounted with"};
  }
  std::string command;
  try {
    read_member(json, "command", command);
    return read_command(json, command);
  } catch (const Mismatch& mismatch) {
    return base::Failure{command + ": " + mismatch.message};
  } catch (const Json::exception& mismatch) {
    return base::Failure{command + ": " + mismatch.what()};
  }
}

template <typename Reply>
std::string write_reply(const Reply& reply) {
  return dump({{"version", kVersion}, {Reply::kName, reply}});
}

std::string write_error(const std::string& why) {
  return dump({{"version", kVersion}, {"error", why}});
}

template <typename Reply>
base::Result<Reply, base::Failure> read_reply(std::string_view text) {
  const Json json = parse(text);
  if (!json.is_object()) return base::Failure{"the reply is not a JSON object"};
  if (const auto error = json.find("error"); error != json.end() && error->is_string())
    return base::Failure{error->get<std::string>()};
  try {
    if (json.value("version", Json()) == kVersion)
      return json.at(Reply::kName).template get<Reply>();
  } catch (const Mismatch&) {
  } catch (const Json::exception&) {
  }
  return base::Failure{
      "the reply is of another version: use the scratchfs command it was mounted with"};
}

#define REPLY(Reply)                                     \
  template std::string write_reply<Reply>(const Reply&); \
  template base::Result<Reply, base::Failure> read_reply<Reply>(std::string_view);
REPLY(About)
REPLY(Status)
REPLY(Top)
REPLY(Quota)
REPLY(OptionsSet)

std::string show_reply(std::string_view reply, const char* name,
                       const std::vector<Warning>* warnings) {
  Json json = parse(reply)[name];
  if (const auto users = json.find("users"); users != json.end()) {
    for (Json& row : *users) {
      row["user"] = nullptr;
      if (row.contains("uid")) write_member(row, "user", user_name(row["uid"].get<uid_t>()));
    }
  }
  if (warnings != nullptr) json["warnings"] = *warnings;
  return json.dump(2) + "\n";
}

}  // namespace scratchfs::mount
