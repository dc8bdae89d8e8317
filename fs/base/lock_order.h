// The order in which locks are taken (docs/locking.md), looked at whenever one is: builds with
// assertions end at the first lock that is taken out of order, whether or not it blocks that time.
#pragma once

namespace scratchfs::base {

// A thread takes locks of growing rank only.
enum class Rank : unsigned char {
  control,    // what answers `scratchfs status` and `set`: it asks all the others
  rename,     // where directories are
  directory,  // the entries of one; of two see Lock
  closing,    // who waits for a closing file
  inode,      // one inode; of two the second is tried, which cannot block
  content,    // one file's bytes
  choosing,   // which blocks leave memory next
  shard,      // states of blocks
  notices,    // whom the tree speaks to, held while they are spoken to
  ledger,     // who has used how much
  memory,     // who fetches more of the budget
  cipher,     // contexts, made in the locked memory
  leaf,       // nothing is locked under it
};

#ifdef NDEBUG

inline constexpr bool kLockOrderIsChecked = false;

// A lock's place in the order. Here it is nothing, and takes no room.
class Place {
 public:
  explicit constexpr Place(Rank /*rank*/) {}
  void about_to_lock() const {}
  void about_to_lock_after(const Place& /*first*/) const {}
  void locked() const {}
  void unlocked() const {}
};

#else

inline constexpr bool kLockOrderIsChecked = true;

// A lock's place in the order. Tells what is wrong on stderr and aborts.
class Place {
 public:
  explicit constexpr Place(Rank rank) : rank_(rank) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // Before waiting for it: this thread has none of its rank or above.
  void about_to_lock() const;
  // The same, but it may have others of its rank if `first` is among them.
  void about_to_lock_after(const Place& first) const;
  // This thread has it now, and no longer.
  void locked() const;
  void unlocked() const;

 private:
  Rank rank_;
};

#endif

}  // namespace scratchfs::base
