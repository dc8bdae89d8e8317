#include "fs/content/content.h"

#include "fs/content/impl.h"

namespace scratchfs::content {

using base::Result;
using base::Wait;

Content::Content(store::Store& store, quota::Charge& charge)
    : impl_(std::make_unique<Impl>(store, charge)) {}
Content::~Content() = default;

Content::Impl::~Impl() {
  base::Lock lock(mutex_);  // uncontended; for the thread-safety analysis
  store_.remove_small(small_.room());
  charge_.shrink({.bytes = allocated()});
}

std::uint64_t Content::size() const { return impl_->size(); }
std::uint64_t Content::allocated() const { return impl_->allocated(); }
std::uint64_t Content::spilled() const { return impl_->spilled(); }

std::uint64_t Content::Impl::spilled() const {
  constexpr int kBlocksAtOnce = 128;  // examined before the lock is released
  std::uint64_t bytes = 0;
  for (std::uint64_t index = 0;;) {
    base::SharedLock lock(mutex_);
    for (int i = 0; i < kBlocksAtOnce; ++i) {
      const auto entry = blocks_.next(index);
      if (!entry) return bytes;
      bytes += store_.spilled_bytes(*entry->block);
      index = entry->index + 1;
    }
  }
}

Result<std::size_t> Content::read(std::span<std::byte> into, std::uint64_t offset, Wait wait) {
  return impl_->read(into, offset, wait);
}
Result<std::size_t> Content::write(std::span<const std::byte> from, std::uint64_t offset,
                                   Wait wait) {
  return impl_->write(from, offset, wait);
}
Result<Content::Appended> Content::append(std::span<const std::byte> from, Wait wait) {
  return impl_->append(from, wait);
}

Result<void> Content::truncate(std::uint64_t size, Wait wait) {
  return impl_->truncate(size, wait);
}
Discarded Content::discard() { return impl_->discard(); }
Result<void> Content::allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                               Wait wait) {
  return impl_->allocate(offset, length, keep_size, wait);
}
Result<void> Content::punch(std::uint64_t offset, std::uint64_t length, Wait wait) {
  return impl_->punch(offset, length, wait);
}
Result<void> Content::zero(std::uint64_t offset, std::uint64_t length, bool keep_size, Wait wait) {
  return impl_->zero(offset, length, keep_size, wait);
}

Result<std::uint64_t> Content::seek_data(std::uint64_t offset) const {
  return impl_->seek_data(offset);
}
Result<std::uint64_t> Content::seek_hole(std::uint64_t offset) const {
  return impl_->seek_hole(offset);
}
bool Content::has_hole(std::uint64_t offset, std::uint64_t length) const {
  return impl_->has_hole(offset, length);
}

}  // namespace scratchfs::content
