// FakeDisk: a disk in memory that fails on request.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/os_file.h"

namespace scratchfs::fakes {

// All files of one FakeDisk and the settings that make it fail. Thread-safe. Counts space as a file
// system does: in pages that were written and not punched or truncated since.
class FakeDisk final : public base::OsDirectory {
 public:
  static constexpr std::size_t kPage = 4096;

  FakeDisk();
  ~FakeDisk() override;

  base::Result<std::unique_ptr<base::OsFile>> create_hidden() override;
  base::Result<std::uint64_t> free_bytes() override;
  base::Result<bool> in_memory() override { return false; }

  // From now on these operations fail with the error; nullopt: they work again.
  void fail_creates(std::optional<int> error) { create_error_ = error.value_or(0); }
  void fail_writes(std::optional<int> error) { write_error_ = error.value_or(0); }
  void fail_reads(std::optional<int> error) { read_error_ = error.value_or(0); }
  void fail_punches(std::optional<int> error) { punch_error_ = error.value_or(0); }
  // Reads return data with one bit flipped.
  void corrupt_reads(bool on) { corrupt_reads_ = on; }
  // Writes fail with ENOSPC beyond this many bytes in all files together.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void delay_each_request(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }
  // Calls `watcher` with the bytes and the offset of each write before it is done. Set before the
  // disk is used.
  void watch_writes(std::function<void(std::span<const std::byte>, std::uint64_t)> watcher);
  // Reads and writes wait at the gate while it is closed.
  void close_gate();
  void open_gate();
  void wait_for_requests_at_gate(unsigned count);

  std::uint64_t allocated_bytes() const;
  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }
  // The largest offset up to which space was reserved ahead of writes, in any file.
  std::uint64_t reserved() const { return reserved_; }
  // The offset at which the last reservation begins.
  std::uint64_t reserved_from() const { return reserved_from_; }
  // Calls `look` for each stored page.
  void for_each_page(const std::function<void(std::span<const std::byte>)>& look) const;

 private:
  friend class FakeFile;
  using Page = std::array<std::byte, kPage>;
  using Pages = std::map<std::uint64_t, Page>;

  void pass_gate() EXCLUDES(mutex_);

  std::atomic<int> create_error_{0}, write_error_{0}, read_error_{0}, punch_error_{0};
  std::atomic<bool> corrupt_reads_{false};
  std::atomic<std::int64_t> delay_ms_{0};
  std::atomic<std::uint64_t> capacity_{UINT64_MAX}, reads_{0}, writes_{0}, reserved_{0},
      reserved_from_{0};
  std::function<void(std::span<const std::byte>, std::uint64_t)> watcher_;
  mutable base::Mutex mutex_;
  base::Condition gate_changed_;
  bool gate_closed_ GUARDED_BY(mutex_) = false;
  unsigned at_gate_ GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<Pages>> files_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::fakes
