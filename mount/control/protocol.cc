#include "mount/control/protocol.h"

#include <array>
#include <utility>

#include "fs/quota/ledger.h"

namespace scratchfs::mount {

namespace {

using quota::kUnlimited;

Json parse(std::string_view text) { return Json::parse(text, nullptr, /*allow_exceptions=*/false); }

std::string dump(const Json& json) {
  // JSON must be UTF-8, but a path need not be: replaces invalid bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Reads an optional limit from a member of `request`; returns false if the member is not a limit.
bool read_limit(const Json& request, const char* name, std::optional<std::uint64_t>& limit) {
  const auto member = request.find(name);
  if (member == request.end()) return true;
  if (member->is_null()) limit = kUnlimited;
  if (member->is_number_unsigned()) limit = member->get<std::uint64_t>();
  return limit.has_value();
}

// Reads a boolean member: false if it is absent, nullopt if it is not a boolean.
std::optional<bool> read_flag(const Json& request, const char* name) {
  const auto member = request.find(name);
  if (member == request.end()) return false;
  if (!member->is_boolean()) return std::nullopt;
  return member->get<bool>();
}

std::optional<uid_t> read_uid(const Json& request) {
  const auto uid = request.find("uid");
  const bool is_uid = uid != request.end() && uid->is_number_unsigned() &&
                      uid->get<std::uint64_t>() < static_cast<uid_t>(-1);
  return is_uid ? std::optional(uid->get<uid_t>()) : std::nullopt;
}

// In the order of StatusRequest::Detail.
constexpr std::array kDetails{"about", "numbers", "histograms"};

base::Result<Request, base::Failure> read_status(const Json& request) {
  const auto detail = request.find("detail");
  if (detail == request.end()) return Request(StatusRequest{});
  for (std::size_t i = 0; i < kDetails.size(); ++i) {
    if (*detail == kDetails[i]) return Request(StatusRequest{StatusRequest::Detail(i)});
  }
  return base::Failure{"status: unknown detail"};
}

base::Result<Request, base::Failure> read_set_quota(const Json& request) {
  SetQuotaRequest quota;
  const auto uid = request.find("uid");
  const auto everyone = read_flag(request, "everyone");
  const auto reset = read_flag(request, "reset");
  if (!everyone || !reset)
    return base::Failure{"set_quota: everyone and reset must be true or false"};
  if (*everyone == (uid != request.end())) {
    return base::Failure{"set_quota: needs either uid or everyone"};
  }
  if (uid != request.end()) {
    quota.uid = read_uid(request);
    if (!quota.uid) return base::Failure{"set_quota: the uid is not valid"};
  }
  if (!read_limit(request, "bytes", quota.bytes) || !read_limit(request, "inodes", quota.inodes)) {
    return base::Failure{
        "set_quota: a limit must be a number that is not negative, or null for none"};
  }
  quota.reset = *reset;
  if (quota.reset && (*everyone || quota.bytes || quota.inodes)) {
    return base::Failure{"set_quota: reset takes a uid and nothing else"};
  }
  if (!quota.reset && !quota.bytes && !quota.inodes) {
    return base::Failure{"set_quota: there is nothing to set"};
  }
  return Request(quota);
}

// Reads an optional string from a member of `request`; returns false if the member is not a string.
bool read_word(const Json& request, const char* name, std::optional<std::string>& word) {
  const auto member = request.find(name);
  if (member == request.end()) return true;
  if (!member->is_string()) return false;
  word = member->get<std::string>();
  return true;
}

bool read_user_quotas(const Json& request, std::vector<UserQuota>& quotas) {
  const auto member = request.find("user_quotas");
  if (member == request.end()) return true;
  if (!member->is_array()) return false;
  for (const Json& row : *member) {
    if (!row.is_object()) return false;
    const auto uid = read_uid(row);
    std::optional<std::string> bytes;
    std::optional<std::uint64_t> inodes;
    if (!uid || !read_word(row, "bytes", bytes) || !bytes || !read_limit(row, "inodes", inodes))
      return false;
    quotas.push_back({*uid, *bytes, inodes.value_or(kUnlimited)});
  }
  return true;
}

base::Result<Request, base::Failure> read_set(const Json& request) {
  SetRequest set;
  for (const auto& [name, word] : {std::pair{"memory", &set.memory},
                                   {"spill", &set.spill},
                                   {"quota", &set.quota},
                                   {"log_level", &set.log_level},
                                   {"flags", &set.flags}}) {
    if (!read_word(request, name, *word))
      return base::Failure{"set: " + std::string(name) + " must be a string, as after -o"};
  }
  if (!read_limit(request, "quota_inodes", set.quota_inodes) ||
      !read_user_quotas(request, set.user_quotas)) {
    return base::Failure{"set: a limit must be a number that is not negative, or null for none"};
  }
  return Request(std::move(set));
}

Json to_json(const StatusRequest& request) {
  return {{"command", "status"}, {"detail", kDetails[static_cast<std::size_t>(request.detail)]}};
}
Json to_json(const TopRequest& /*request*/) { return {{"command", "top"}}; }
Json to_json(const QuotaRequest& /*request*/) { return {{"command", "quota"}}; }
Json to_json(const SetQuotaRequest& request) {
  Json json = {{"command", "set_quota"}};
  if (request.uid) {
    json["uid"] = *request.uid;
  } else {
    json["everyone"] = true;
  }
  if (request.bytes) json["bytes"] = limit_to_json(*request.bytes);
  if (request.inodes) json["inodes"] = limit_to_json(*request.inodes);
  if (request.reset) json["reset"] = true;
  return json;
}
Json to_json(const SetRequest& request) {
  Json json = {{"command", "set"}};
  if (request.memory) json["memory"] = *request.memory;
  if (request.spill) json["spill"] = *request.spill;
  if (request.quota) json["quota"] = *request.quota;
  if (request.log_level) json["log_level"] = *request.log_level;
  if (request.flags) json["flags"] = *request.flags;
  if (request.quota_inodes) json["quota_inodes"] = limit_to_json(*request.quota_inodes);
  for (const UserQuota& quota : request.user_quotas) {
    json["user_quotas"].push_back(
        {{"uid", quota.uid}, {"bytes", quota.bytes}, {"inodes", limit_to_json(quota.inodes)}});
  }
  return json;
}

}  // namespace

Json limit_to_json(std::uint64_t limit) {
  return limit == kUnlimited ? Json(nullptr) : Json(limit);
}

std::string write_request(const Request& request) {
  Json json = std::visit([](const auto& kind) { return to_json(kind); }, request);
  json["version"] = kProtocolVersion;
  return dump(json);
}

base::Result<Request, base::Failure> read_request(std::string_view text) {
  if (text.size() > kLongestRequest) return base::Failure{"the request is too long"};
  const Json request = parse(text);
  if (!request.is_object()) return base::Failure{"the request is not a JSON object"};
  const auto version = request.find("version");
  if (version == request.end() || *version != kProtocolVersion) {
    return base::Failure{"this mount uses version " + std::to_string(kProtocolVersion) +
                         " of the control protocol: use the scratchfs command it was mounted with"};
  }
  const auto command = request.find("command");
  if (command == request.end() || !command->is_string())
    return base::Failure{"the request has no command"};
  if (*command == "status") return read_status(request);
  if (*command == "top") return Request(TopRequest{});
  if (*command == "quota") return Request(QuotaRequest{});
  if (*command == "set_quota") return read_set_quota(request);
  if (*command == "set") return read_set(request);
  return base::Failure{"this mount does not know the command"};
}

std::string write_reply(const char* what, Json answer) {
  return dump({{"version", kProtocolVersion}, {what, std::move(answer)}});
}

std::string write_error(const std::string& why) {
  return dump({{"version", kProtocolVersion}, {"error", why}});
}

base::Result<Json, base::Failure> read_reply(std::string_view text, const char* what) {
  const Json reply = parse(text);
  if (!reply.is_object()) return base::Failure{"the reply is not a JSON object"};
  if (const auto error = reply.find("error"); error != reply.end() && error->is_string()) {
    return base::Failure{error->get<std::string>()};
  }
  const auto version = reply.find("version");
  const auto answer = reply.find(what);
  if (version == reply.end() || *version != kProtocolVersion || answer == reply.end() ||
      !answer->is_object()) {
    return base::Failure{
        "the reply is of another version: use the scratchfs command it was mounted with"};
  }
  return *answer;
}

const Json& member(const Json& object, const char* name) {
  static const Json absent;
  const auto found = object.find(name);
  return found == object.end() ? absent : *found;
}

std::optional<std::uint64_t> natural(const Json& json) {
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  if (!json.is_number_integer() || json < 0) return std::nullopt;
  return static_cast<std::uint64_t>(json.get<std::int64_t>());
}

}  // namespace scratchfs::mount
