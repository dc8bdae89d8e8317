// The bytes of one regular file: sparse, in blocks of the store, charged to the file's owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "fs/base/result.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// The maximum size of a file: 2^63 - 1 (FUSE's s_maxbytes).
inline constexpr std::uint64_t kMaxSize = 0x7fff'ffff'ffff'ffff;

// A file of this many bytes without holes needs at most one byte of the store's memory for its
// block map.
inline constexpr std::uint64_t kBytesPerMapByte = 4096;

class Discarded;

// A handler leaves larger frees to other threads, because freeing takes about 10 ms per GiB.
inline constexpr std::uint64_t kMostFreedAtOnce = 64 << 20;  // bytes

// Thread-safe. Takes its own lock and never holds it across disk I/O. The caller holds no lock that
// a handler needs.
//
// With Wait::no, no call waits for the disk or for memory; kWouldBlock means "repeat the call on a
// thread that may wait". Calls are idempotent: one that returned kWouldBlock may have done part of
// its work, and repeating it completes the work. If `wait` ends first, a call returns its error, or
// a short count if part of the work is done; a range that was being freed or cleared may be so in
// part.
class Content {
 public:
  // Neither argument is owned; both must outlive the content. Pages are charged when they are
  // created, and the charge is returned when they are freed.
  Content(store::Store& store, quota::Charge& charge);
  ~Content();  // frees everything at once
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  std::uint64_t size() const;       // bytes (st_size)
  std::uint64_t allocated() const;  // bytes charged: a multiple of 512 (st_blocks * 512)
  // Returns the allocated bytes that are only on disk. Examines every block, a batch at a time; not
  // for a handler.
  std::uint64_t spilled() const;

  // read(2): a short count only at the end of the file. EIO: a spilled block could not be read
  // back.
  base::Result<std::size_t> read(std::span<std::byte> into, std::uint64_t offset, base::Wait wait);
  // write(2): a short count if only a part fits. EDQUOT, ENOSPC, EIO: not even one byte does.
  // EFBIG: beyond kMaxSize. An empty write changes nothing.
  base::Result<std::size_t> write(std::span<const std::byte> from, std::uint64_t offset,
                                  base::Wait wait);
  // Writes at the end of the file, atomically with respect to other appends. Returns the offset,
  // too.
  struct Appended {
    std::size_t bytes;
    std::uint64_t offset;
  };
  base::Result<Appended> append(std::span<const std::byte> from, base::Wait wait);

  // ftruncate(2): growing makes a hole, shrinking frees. EFBIG. Shrinking may wait if it cuts a
  // spilled page, or if more than kMostFreedAtOnce was allocated.
  base::Result<void> truncate(std::uint64_t size, base::Wait wait);
  // fallocate(2), mode 0 or FALLOC_FL_KEEP_SIZE: afterwards every byte of the range has a page. On
  // failure (EDQUOT, ENOSPC, ENOMEM) the pages that this call made become holes again, except those
  // that were written meanwhile, or if `wait` has ended or memory is lacking for this. A range that
  // cannot fit fails before any page is made.
  base::Result<void> allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                              base::Wait wait);
  // Removes all blocks and the charge at once; the content is empty afterwards. Never waits.
  Discarded discard();
  // FALLOC_FL_PUNCH_HOLE|KEEP_SIZE: turns whole pages into holes, and zeros partial pages.
  base::Result<void> punch(std::uint64_t offset, std::uint64_t length, base::Wait wait);
  // FALLOC_FL_ZERO_RANGE, with or without KEEP_SIZE: allocates the range and zeros it.
  base::Result<void> zero(std::uint64_t offset, std::uint64_t length, bool keep_size,
                          base::Wait wait);

  // lseek(2) with SEEK_DATA and SEEK_HOLE; ENXIO as there. Works in whole pages. As on tmpfs, a
  // page that is allocated but was never written is a hole.
  base::Result<std::uint64_t> seek_data(std::uint64_t offset) const;
  base::Result<std::uint64_t> seek_hole(std::uint64_t offset) const;
  // Returns whether any page of the range is a hole, up to the end of the file.
  bool has_hole(std::uint64_t offset, std::uint64_t length) const;

  // copy_file_range(2) between two contents or within one (EINVAL if the ranges overlap). Short at
  // the end of the source.
  static base::Result<std::size_t> copy(Content& source, std::uint64_t source_offset,
                                        Content& target, std::uint64_t target_offset,
                                        std::size_t length, base::Wait wait);

 private:
  class Impl;
  class Copying;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::content
