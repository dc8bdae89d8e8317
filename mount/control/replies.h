// The daemon's replies in the control protocol. Each field is named as in the JSON; docs/status.md
// describes those of Status.
#pragma once

#include <sys/types.h>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fs/quota/ledger.h"

namespace scratchfs::mount {

// A limit: null in JSON if there is none (quota::kUnlimited).
struct Limit {
  Limit() = default;
  Limit(std::uint64_t limit) : value(limit) {}  // NOLINT(google-explicit-constructor): it is one
  bool is_none() const { return value == quota::kUnlimited; }
  bool operator==(const Limit&) const = default;

  std::uint64_t value = quota::kUnlimited;
};

// A field that is absent from the JSON if it is nullopt, where a std::optional would be null.
template <typename T>
struct Maybe : std::optional<T> {
  using std::optional<T>::optional;
  Maybe(std::optional<T> value)  // NOLINT(google-explicit-constructor): it is one
      : std::optional<T>(std::move(value)) {}
  template <std::same_as<Maybe> Other>
  bool operator==(const Other& other) const {
    return static_cast<const std::optional<T>&>(*this) ==
           static_cast<const std::optional<T>&>(other);
  }
};

struct Transport {
  bool io_uring = false;
  std::uint64_t rings = 0, ring_depth = 0, ring_bytes = 0, parked = 0, parked_total = 0;
};

// The requests of one kind. Bounds and sums are absent unless histograms were asked for.
struct RequestKind {
  std::uint64_t total = 0, recent = 0;
  double per_second = 0;
  std::optional<std::uint64_t> p50_ns, p99_ns;
  Maybe<std::uint64_t> sum_ns;
  Maybe<std::vector<std::uint64_t>> below_bounds;  // requests that took less than each of bounds_ns
};
struct Requests {
  double recent_seconds = 0;
  std::map<std::string, RequestKind> kinds;
  Maybe<std::vector<std::uint64_t>> bounds_ns;
};

struct Memory {
  std::uint64_t budget = 0, target = 0, used = 0, reserve = 0;
  bool pressure = false, locked = false;
};

struct Spill {
  std::optional<std::string> directory;
  std::uint64_t limit = 0, used = 0;
  std::optional<std::uint64_t> disk_free;
  std::uint64_t blocks_spilled = 0, blocks_fetched = 0, blocks_corrupt = 0, write_errors = 0;
  std::uint64_t timeout_seconds = 0;
};

struct Files {
  std::uint64_t bytes = 0, inodes = 0;
  Limit inodes_limit;
  std::uint64_t objects = 0, open_handles = 0;
  std::map<std::string, std::uint64_t> held_by, deleted_for;
  double counted_seconds_ago = 0;
  std::uint64_t deleted_unheld = 0;
};

// What a user uses and may use.
struct UserRow {
  uid_t uid = 0;
  std::uint64_t bytes = 0, inodes = 0;
  Limit bytes_limit, inodes_limit;
  bool own_limits = false;
};
// The same with what a census counted.
struct CountedUserRow : UserRow {
  std::uint64_t in_memory = 0, spilled = 0;
  std::optional<std::int64_t> oldest_file;
};

// What does not change while the mount lasts, but for the time.
struct About {
  static constexpr const char* kName = "status";

  std::string program, mountpoint, source;
  uid_t owner = 0;
  bool shared = false;
  pid_t pid = 0, guardian_pid = 0;
  bool supervised = false;
  std::uint64_t pid_namespace = 0;
  std::int64_t mounted_since = 0;
  std::uint64_t uptime_seconds = 0;
  std::string lifetime, claim, create_mode;
  bool private_names = false;
  std::string confine;
  std::optional<std::string> quota_file, subuid;
  std::optional<unsigned> quota_warn_percent;
};
struct Warning {
  std::string code;
  std::string text;
};
struct Status : About {
  Transport transport;
  Requests requests;
  Memory memory;
  Spill spill;
  Files files;
  std::vector<CountedUserRow> users;
  Maybe<std::vector<Warning>> warnings;  // which `scratchfs status` adds
};

// What a user, a session or a process uses and has written. Sessions and processes have no bytes
// and inodes; only processes have a `pid`, and `living`.
struct TopRow {
  uid_t uid = 0;
  pid_t session = 0, pid = 0;
  std::string command;
  bool living = false;
  std::uint64_t written = 0;
  std::int64_t since = 0, last = 0;  // the first and the last write, in seconds since 1970
  std::uint64_t bytes = 0, inodes = 0;
  Limit bytes_limit;
};
struct Top {
  static constexpr const char* kName = "top";

  std::string mountpoint;
  std::int64_t clock_ms = 0;  // of a clock that is never set
  std::int64_t now = 0;       // seconds since 1970
  Memory memory;
  Spill spill;
  std::vector<TopRow> users, sessions, processes;
};

struct Quota {
  static constexpr const char* kName = "quota";

  struct Everyone {
    Limit bytes_limit, inodes_limit;
  } everyone;
  std::vector<UserRow> users;
};

// The options were changed as requested.
struct OptionsSet {
  static constexpr const char* kName = "set";
};

}  // namespace scratchfs::mount
