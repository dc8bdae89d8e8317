#include "tests/fakes/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace scratchfs::fakes {

class FakeFile final : public base::OsFile {
 public:
  FakeFile(FakeDisk& disk, std::shared_ptr<FakeDisk::Pages> pages)
      : disk_(disk), pages_(std::move(pages)) {}

  base::Result<void> read_exactly(std::span<std::byte> buffer, std::uint64_t offset) override {
    ++disk_.reads_;
    disk_.pass_gate();
    if (const int error = disk_.read_error_) return base::Errno{error};
    base::Lock lock(disk_.mutex_);
    std::byte* const first = buffer.data();
    for (; !buffer.empty(); buffer = buffer.subspan(FakeDisk::kPage), offset += FakeDisk::kPage) {
      const auto page = pages_->find(offset);
      if (page == pages_->end()) return base::Errno{EIO};
      std::memcpy(buffer.data(), page->second.data(), FakeDisk::kPage);
    }
    if (disk_.corrupt_reads_) first[offset / FakeDisk::kPage % FakeDisk::kPage] ^= std::byte{0x10};
    return {};
  }

  base::Result<void> write_all(std::span<const std::byte> buffer, std::uint64_t offset) override {
    ++disk_.writes_;
    if (disk_.watcher_) disk_.watcher_(buffer, offset);
    disk_.pass_gate();
    if (const int error = disk_.write_error_) return base::Errno{error};
    if (disk_.allocated_bytes() + buffer.size() > disk_.capacity_) return base::Errno{ENOSPC};
    base::Lock lock(disk_.mutex_);
    for (; !buffer.empty(); buffer = buffer.subspan(FakeDisk::kPage), offset += FakeDisk::kPage) {
      std::memcpy((*pages_)[offset].data(), buffer.data(), FakeDisk::kPage);
    }
    return {};
  }

  base::Result<void> punch(std::uint64_t offset, std::uint64_t length) override {
    if (const int error = disk_.punch_error_) return base::Errno{error};
    base::Lock lock(disk_.mutex_);
    pages_->erase(pages_->lower_bound(offset), pages_->lower_bound(offset + length));
    return {};
  }

  base::Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    disk_.reserved_ = std::max<std::uint64_t>(disk_.reserved_, offset + length);
    disk_.reserved_from_ = offset;
    return {};
  }

  base::Result<void> truncate(std::uint64_t length) override {
    if (const int error = disk_.punch_error_) return base::Errno{error};
    base::Lock lock(disk_.mutex_);
    pages_->erase(pages_->lower_bound(length), pages_->end());
    return {};
  }

 private:
  FakeDisk& disk_;
  const std::shared_ptr<FakeDisk::Pages> pages_;
};

FakeDisk::FakeDisk() = default;
FakeDisk::~FakeDisk() = default;

base::Result<std::unique_ptr<base::OsFile>> FakeDisk::create_hidden() {
  if (const int error = create_error_) return base::Errno{error};
  auto pages = std::make_shared<Pages>();
  base::Lock lock(mutex_);
  files_.push_back(pages);
  return std::unique_ptr<base::OsFile>(std::make_unique<FakeFile>(*this, pages));
}

base::Result<std::uint64_t> FakeDisk::free_bytes() {
  return capacity_ - std::min<std::uint64_t>(capacity_, allocated_bytes());
}

void FakeDisk::watch_writes(
    std::function<void(std::span<const std::byte>, std::uint64_t)> watcher) {
  watcher_ = std::move(watcher);
}

void FakeDisk::pass_gate() {
  if (const auto delay = delay_ms_.load())
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
  base::Lock lock(mutex_);
  ++at_gate_;
  gate_changed_.notify_all();
  while (gate_closed_) gate_changed_.wait(mutex_);
  --at_gate_;
}

void FakeDisk::close_gate() {
  base::Lock lock(mutex_);
  gate_closed_ = true;
}

void FakeDisk::open_gate() {
  base::Lock lock(mutex_);
  gate_closed_ = false;
  gate_changed_.notify_all();
}

void FakeDisk::wait_for_requests_at_gate(unsigned count) {
  base::Lock lock(mutex_);
  while (at_gate_ < count) gate_changed_.wait(mutex_);
}

std::uint64_t FakeDisk::allocated_bytes() const {
  base::Lock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& file : files_) bytes += file->size() * kPage;
  return bytes;
}

void FakeDisk::for_each_page(const std::function<void(std::span<const std::byte>)>& look) const {
  base::Lock lock(mutex_);
  for (const auto& file : files_) {
    for (const auto& [offset, page] : *file) look(page);
  }
}

}  // namespace scratchfs::fakes
