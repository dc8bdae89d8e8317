// Mutexes for clang's thread-safety analysis, with a lock order that is checked at run time
// (lock_order.h). Source of the attributes: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "fs/base/deadline.h"
#include "fs/base/lock_order.h"

#if defined(__clang__)
#define SCRATCHFS_TSA(x) __attribute__((x))
#else
#define SCRATCHFS_TSA(x)
#endif

#define CAPABILITY(name) SCRATCHFS_TSA(capability(name))
#define SCOPED_CAPABILITY SCRATCHFS_TSA(scoped_lockable)
#define GUARDED_BY(x) SCRATCHFS_TSA(guarded_by(x))
#define REQUIRES(...) SCRATCHFS_TSA(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) SCRATCHFS_TSA(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) SCRATCHFS_TSA(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) SCRATCHFS_TSA(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) SCRATCHFS_TSA(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) SCRATCHFS_TSA(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) SCRATCHFS_TSA(release_generic_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) SCRATCHFS_TSA(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) SCRATCHFS_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS SCRATCHFS_TSA(no_thread_safety_analysis)

namespace scratchfs::base {

class CAPABILITY("mutex") Mutex {
 public:
  explicit constexpr Mutex(Rank rank = Rank::leaf) : place_(rank) {}

  void lock() ACQUIRE() {
    place_.about_to_lock();
    mutex_.lock();
    place_.locked();
  }
  // Exempt from the lock order, because it never waits.
  bool try_lock() TRY_ACQUIRE(true) {
    if (!mutex_.try_lock()) return false;
    place_.locked();
    return true;
  }
  void unlock() RELEASE() {
    place_.unlocked();
    mutex_.unlock();
  }

 private:
  std::mutex mutex_;
  [[no_unique_address]] Place place_;
};
static_assert(kLockOrderIsChecked || sizeof(Mutex) == sizeof(std::mutex));

class CAPABILITY("shared mutex") SharedMutex {
 public:
  explicit SharedMutex(Rank rank = Rank::leaf) : place_(rank) {}

  void lock() ACQUIRE() {
    place_.about_to_lock();
    mutex_.lock();
    place_.locked();
  }
  // Acquires the second of two locks of one rank while this thread holds `first`. The caller
  // ensures that every thread that acquires both does so in this order.
  void lock_after(const SharedMutex& first) ACQUIRE() REQUIRES(first) {
    place_.about_to_lock_after(first.place_);
    mutex_.lock();
    place_.locked();
  }
  void unlock() RELEASE() {
    place_.unlocked();
    mutex_.unlock();
  }
  void lock_shared() ACQUIRE_SHARED() {
    place_.about_to_lock();
    mutex_.lock_shared();
    place_.locked();
  }
  void unlock_shared() RELEASE_SHARED() {
    place_.unlocked();
    mutex_.unlock_shared();
  }

 private:
  std::shared_mutex mutex_;
  [[no_unique_address]] Place place_;
};
static_assert(kLockOrderIsChecked || sizeof(SharedMutex) == sizeof(std::shared_mutex));

// Holds a mutex for a scope. It can be unlocked and locked again within the scope.
template <typename M>
class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(M& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  // See SharedMutex::lock_after(). (With REQUIRES here, the analysis would treat `first` as held by
  // this object.)
  Lock(M& mutex, const M& first) ACQUIRE(mutex) NO_THREAD_SAFETY_ANALYSIS : mutex_(mutex) {
    mutex_.lock_after(first);
  }
  ~Lock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }
  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  M& mutex_;
  bool held_ = true;
};
template <typename M>
Lock(M&) -> Lock<M>;
template <typename M>
Lock(M&, const M&) -> Lock<M>;

template <typename M>
class SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(M& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~SharedLock() RELEASE_GENERIC() { mutex_.unlock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  M& mutex_;
};
template <typename M>
SharedLock(M&) -> SharedLock<M>;

// A condition variable. Waits are written as loops around wait(), because a predicate lambda would
// hide its reads from the analysis.
class Condition {
 public:
  // Releases the mutex while waiting and holds it again on return. Wakeups may be spurious.
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  // Returns false if `timeout` passed first.
  template <typename Rep, typename Period>
  bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> timeout) REQUIRES(mutex) {
    return condition_.wait_for(mutex, timeout) == std::cv_status::no_timeout;
  }
  // Also wakes when the deadline of `wait` passes or is moved up; the caller's loop checks over().
  void wait(Mutex& mutex, Wait wait) REQUIRES(mutex) {
    const CancellableDeadline* const deadline = wait.deadline();
    if (deadline == nullptr) return condition_.wait(mutex);
    const std::stop_token cancellation = deadline->cancellation();
    // Once the token is stopped, a wait with it would return at once, so that the caller's loop
    // would spin.
    if (cancellation.stop_requested()) {
      condition_.wait_until(mutex, deadline->time());
      return;
    }
    // The standard library offers this wait only with a predicate; this one accepts the first
    // wakeup.
    bool woken = false;
    condition_.wait_until(mutex, cancellation, deadline->time(),
                          [&woken] { return std::exchange(woken, true); });
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace scratchfs::base
