// A small area of memory for what must never reach a disk: locked, left out of core dumps, wiped
// when freed.
//
// libcrypto's contexts hold key bytes (key schedules), so its allocator is replaced: what it
// allocates inside a LockedScope comes from here, everything else from malloc(3); frees tell the
// two apart by address.
#pragma once

#include <cstddef>

#include "fs/base/result.h"

namespace scratchfs::store {

inline constexpr std::size_t kLockedBytes =
    64 * 1024;  // fits the smallest default RLIMIT_MEMLOCK that is still seen

// Makes the area and puts it under libcrypto (CRYPTO_set_mem_functions(3)). Call it before anything
// uses libcrypto; calling again is free. ENOMEM: RLIMIT_MEMLOCK is too low. EBUSY: libcrypto has
// allocated already.
base::Result<void> install_crypto_allocator();

// From the area; nullptr when it is full. Needs install_crypto_allocator().
void* allocate_locked(std::size_t bytes);
// Wipes, then frees; nullptr is ignored.
void free_locked(void* memory);
bool is_locked(const void* memory);
// Bytes of the area in use, for tests and leak checks.
std::size_t locked_bytes_in_use();

// While one lives, what libcrypto allocates on this thread is locked.
class LockedScope {
 public:
  LockedScope();
  ~LockedScope();
  LockedScope(const LockedScope&) = delete;
  LockedScope& operator=(const LockedScope&) = delete;
};

}  // namespace scratchfs::store
