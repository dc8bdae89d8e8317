// One regular file's bytes: sparse, in blocks of the store, charged to the file's owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "fs/base/result.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// The largest offset plus one that a file can have (FUSE's s_maxbytes: 2^63 - 1).
inline constexpr std::uint64_t kMaxSize = 0x7fff'ffff'ffff'ffff;

// Contents of so many bytes take at most a byte of the store's memory besides, for where their
// blocks are, if they have no holes.
inline constexpr std::uint64_t kBytesPerMapByte = 4096;

class Discarded;

// Freeing blocks takes some 10 ms for each GiB. More than this a handler leaves to others.
inline constexpr std::uint64_t kMostFreedAtOnce = 64 << 20;  // bytes

// Thread-safe. Takes its own lock, never holds it across disk I/O; callers hold no lock that a
// handler needs. With Wait::no nothing waits for the disk or for memory: kWouldBlock says "the same
// call again by who may wait". A call that answered kWouldBlock may have done a part of its work;
// doing it again does no harm. Where a patience ends the call ends with its error, or short where a
// part is done; a range that was being freed or cleared may be so in part.
class Content {
 public:
  // Neither is owned; both outlive the content. Pages are charged as they come to exist, given back
  // as they go.
  Content(store::Store& store, limits::Charge& charge);
  ~Content();  // frees everything at once
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  std::uint64_t size() const;       // bytes (st_size)
  std::uint64_t allocated() const;  // bytes charged: a multiple of 512 (st_blocks * 512)
  // Bytes of those that are on disk alone. Looks at every block, some at a time; not for a handler.
  std::uint64_t spilled() const;

  // read(2): fewer bytes than asked only at the end of the file. EIO: a spilled block did not come
  // back.
  base::Result<std::size_t> read(std::span<std::byte> into, std::uint64_t offset, base::Wait wait);
  // write(2): fewer bytes than given where only a part fits; EDQUOT, ENOSPC, EIO when not even one
  // does; EFBIG beyond kMaxSize. Writing nothing changes nothing.
  base::Result<std::size_t> write(std::span<const std::byte> from, std::uint64_t offset,
                                  base::Wait wait);
  // The same at the end of the file, atomically against other appends; tells where it went.
  struct Appended {
    std::size_t bytes;
    std::uint64_t offset;
  };
  base::Result<Appended> append(std::span<const std::byte> from, base::Wait wait);

  // ftruncate(2): growing makes a hole, shrinking frees. EFBIG. Shrinking may wait: into the middle
  // of a spilled page, and for all that was more than kMostFreedAtOnce before.
  base::Result<void> truncate(std::uint64_t size, base::Wait wait);
  // fallocate(2) mode 0 / KEEP_SIZE: afterwards every byte of the range has a page, or (EDQUOT,
  // ENOSPC, ENOMEM) the pages that this call made are holes again, unless somebody has written to
  // them meanwhile or there is no patience or memory left for it. What cannot fit at all fails
  // before it makes any.
  base::Result<void> allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                              base::Wait wait);
  // Takes everything out: it is empty, and costs nothing, at once. Never waits.
  Discarded discard();
  // FALLOC_FL_PUNCH_HOLE|KEEP_SIZE: whole pages become holes, parts of pages zeros.
  base::Result<void> punch(std::uint64_t offset, std::uint64_t length, base::Wait wait);
  // FALLOC_FL_ZERO_RANGE, with or without KEEP_SIZE: reads as zeros and is allocated.
  base::Result<void> zero(std::uint64_t offset, std::uint64_t length, bool keep_size,
                          base::Wait wait);

  // lseek(2) SEEK_DATA, SEEK_HOLE; ENXIO as there. In units of pages; one that is allocated and was
  // never written to is a hole, as on tmpfs.
  base::Result<std::uint64_t> seek_data(std::uint64_t offset) const;
  base::Result<std::uint64_t> seek_hole(std::uint64_t offset) const;
  // Whether a page of the range, as far as it lies in the file, is a hole.
  bool has_hole(std::uint64_t offset, std::uint64_t length) const;

  // copy_file_range(2) between two contents or within one (EINVAL if the ranges overlap); short at
  // the source's end.
  static base::Result<std::size_t> copy(Content& source, std::uint64_t source_offset,
                                        Content& target, std::uint64_t target_offset,
                                        std::size_t length, base::Wait wait);

 private:
  class Impl;
  class Copying;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::content
