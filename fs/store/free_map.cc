#include "fs/store/free_map.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace scratchfs::store {

std::uint32_t FreeMap::next_set(const Bits& bits, std::uint32_t from) const {
  if (from >= length_) return length_;
  std::size_t word = from / 64;
  std::uint64_t rest = bits[word] & (~std::uint64_t{0} << (from % 64));
  while (rest == 0) {
    if (++word == bits.size()) return length_;
    rest = bits[word];
  }
  return static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
}

SlotRun FreeMap::find_run(std::uint32_t wanted) {
  SlotRun best;
  lowest_free_ = next_set(free_, lowest_free_);
  const std::uint64_t stop = lowest_free_ + std::uint64_t{kRunSearchWords} * 64;
  for (std::uint32_t at = lowest_free_; at < length_ && at < stop;) {
    SlotRun run{at, 0};
    while (at < length_ && run.count < wanted && test(free_, at)) {
      ++run.count;
      ++at;
    }
    if (run.count > best.count) best = run;
    if (best.count == wanted) break;
    at = next_set(free_, at);
  }
  return best;
}

SlotRun FreeMap::take(std::uint32_t wanted) {
  if (free_count_ > 0) {
    const SlotRun run = find_run(wanted);
    for (std::uint32_t i = 0; i < run.count; ++i) {
      clear(free_, run.first + i);
      if (test(stale_, run.first + i)) {
        clear(stale_, run.first + i);
        --stale_count_;
      }
    }
    free_count_ -= run.count;
    return run;
  }
  const SlotRun run{length_, std::min(wanted, UINT32_MAX - length_)};
  const std::uint32_t length = length_ + run.count;
  // Everything that may throw comes before the counters change.
  free_.resize((std::size_t{length} + 63) / 64);
  stale_.resize(free_.size());
  length_ = lowest_free_ = length;
  return run;
}

void FreeMap::free(std::uint32_t slot) {
  assert(slot < length_ && !test(free_, slot));
  set(free_, slot);
  set(stale_, slot);
  ++free_count_;
  ++stale_count_;
  lowest_free_ = std::min(lowest_free_, slot);
}

SlotRun FreeMap::take_stale(std::uint32_t from, std::uint32_t most) {
  if (stale_count_ == 0) return {};
  SlotRun run{next_set(stale_, from), 0};
  while (run.count < most && run.first + run.count < length_ &&
         test(stale_, run.first + run.count)) {
    clear(free_, run.first + run.count);
    ++run.count;
  }
  free_count_ -= run.count;
  return run;
}

void FreeMap::put_given_back(SlotRun run) {
  for (std::uint32_t i = 0; i < run.count; ++i) {
    set(free_, run.first + i);
    clear(stale_, run.first + i);
  }
  free_count_ += run.count;
  stale_count_ -= run.count;
  if (run.count > 0) lowest_free_ = std::min(lowest_free_, run.first);
}

std::uint32_t FreeMap::needed_length() const {
  std::uint32_t length = length_;
  while (length > 0) {
    if (length % 64 == 0 && free_[length / 64 - 1] == ~std::uint64_t{0}) {
      length -= 64;
    } else if (test(free_, length - 1)) {
      --length;
    } else {
      break;
    }
  }
  return length;
}

void FreeMap::cut(std::uint32_t length) {
  assert(length <= length_);
  for (std::uint32_t slot = length; slot < length_; ++slot) {
    assert(test(free_, slot));
    clear(free_, slot);
    --free_count_;
    if (test(stale_, slot)) {
      clear(stale_, slot);
      --stale_count_;
    }
  }
  length_ = length;
  free_.resize((std::size_t{length_} + 63) / 64);
  stale_.resize(free_.size());
  // A file that was once long does not keep the memory of its map.
  if (free_.capacity() > 2 * free_.size() + 1024) {
    free_.shrink_to_fit();
    stale_.shrink_to_fit();
  }
  lowest_free_ = std::min(lowest_free_, length_);
}

}  // namespace scratchfs::store
