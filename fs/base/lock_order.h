// The lock order (docs/locking.md), checked at every acquisition: a build with assertions aborts at
// the first lock that is acquired out of order, whether or not it would have blocked that time.
#pragma once

namespace scratchfs::base {

// A thread acquires locks in ascending rank only.
enum class Rank : unsigned char {
  control,    // answers to `scratchfs status` and `set`, which query everything below
  rename,     // the parents of directories
  directory,  // the entries of one directory; for two of them see Lock
  closing,    // the waiters for a closing file
  inode,      // one inode; a second one is only tried, which cannot block
  content,    // one file's bytes
  choosing,   // the search for blocks to evict
  shard,      // the states of blocks
  notices,    // the receiver of the tree's notifications, held during its calls
  ledger,     // usage per user
  memory,     // reserving more of the budget for inodes and names
  cipher,     // cipher contexts, which are allocated from locked memory
  leaf,       // no lock is acquired while one of these is held
};

#ifdef NDEBUG

inline constexpr bool kLockOrderIsChecked = false;

// A lock's position in the order. In release builds it checks nothing and occupies no space.
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

// A lock's position in the order. Reports a violation on stderr and aborts.
class Place {
 public:
  explicit constexpr Place(Rank rank) : rank_(rank) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // Call before waiting for the lock: checks that this thread holds no lock of its rank or above.
  void about_to_lock() const;
  // The same, but locks of the same rank may be held if `first` is among them.
  void about_to_lock_after(const Place& first) const;
  // Record that this thread now holds the lock, or no longer does.
  void locked() const;
  void unlocked() const;

 private:
  Rank rank_;
};

#endif

}  // namespace scratchfs::base
