// copy_file_range(2).
//
// Copies through a buffer of one block, so that two contents are never locked at once. A hole in
// the source leaves holes in the target as they are; existing pages of the target stay and are
// zeroed.
#include <new>

#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;
using base::Wait;

class Content::Copying {
 public:
  Copying(Content& source, std::uint64_t from, Content& target, std::uint64_t to,
          std::uint64_t length)
      : source_(source), from_(from), target_(target), to_(to), length_(length) {}

  Result<std::size_t> run(Wait wait) {
    while (done_ < length_) {
      const auto copied = copy_run(wait);
      if (copied.is(base::kWouldBlock)) return base::kWouldBlock;
      if (!copied && done_ == 0) return copied.error();
      if (!copied || *copied == 0) break;
      done_ += *copied;
    }
    return static_cast<std::size_t>(done_);
  }

 private:
  // Copies the next hole or part of a block of the source. Returns 0 at its end, or if the target
  // takes no more.
  Result<std::uint64_t> copy_run(Wait wait) {
    const std::uint64_t from = from_ + done_;
    const std::uint64_t left = length_ - done_;
    const std::uint64_t end = std::min(source_.size(), from + left);
    if (from >= end) return std::uint64_t{0};
    const auto data = source_.seek_data(from);
    const std::uint64_t hole_end = data ? std::min(*data, end) : end;
    if (hole_end > from) return copy_hole(hole_end - from, wait);
    const auto hole = source_.seek_hole(from);
    const std::uint64_t data_end = hole ? std::clamp(*hole, from, end) : end;
    return data_end > from ? copy_bytes(data_end - from, wait) : std::uint64_t{0};
  }

  Result<std::uint64_t> copy_hole(std::uint64_t length, Wait wait) {
    const std::uint64_t to = to_ + done_;
    if (auto cleared = target_.clear(to, length, wait); !cleared) return cleared.error();
    target_.extend(to + length);
    return length;
  }

  Result<std::uint64_t> copy_bytes(std::uint64_t length, Wait wait) {
    const std::uint64_t to = to_ + done_;
    if (!buffer_) buffer_.reset(new (std::nothrow) std::byte[kBlockSize]);
    if (!buffer_) return base::Errno(ENOMEM);
    const Piece piece = first_piece(to, length);
    const auto read = source_.read({buffer_.get(), piece.size()}, from_ + done_, wait);
    if (!read) return read.error();
    const auto written = target_.write({buffer_.get(), *read}, to, wait);
    if (!written) return written.error();
    return std::uint64_t{*written};
  }

  Content& source_;
  const std::uint64_t from_;
  Content& target_;
  const std::uint64_t to_;
  const std::uint64_t length_;
  std::uint64_t done_ = 0;
  std::unique_ptr<std::byte[]> buffer_;
};

Result<std::size_t> Content::copy(Content& source, std::uint64_t source_offset, Content& target,
                                  std::uint64_t target_offset, std::size_t length, Wait wait) {
  const std::uint64_t end = end_of(source_offset, length, source.size());
  if (source_offset >= end) return std::size_t{0};
  std::uint64_t there = end - source_offset;
  if (&source == &target && overlap(source_offset, target_offset, there)) {
    return base::Errno(EINVAL);
  }
  if (target_offset >= kMaxSize) return base::Errno(EFBIG);
  there = std::min(there, kMaxSize - target_offset);
  if (wait == Wait::no && there > kMostAtOnce) return base::kWouldBlock;
  return Copying(source, source_offset, target, target_offset, there).run(wait);
}

}  // namespace scratchfs::content
