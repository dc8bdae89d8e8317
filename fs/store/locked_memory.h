// A small area of memory for secrets that must never reach a disk: locked, excluded from core
// dumps, and wiped when freed.
//
// The contexts of libcrypto contain key material (key schedules). Therefore its allocator is
// replaced: allocations inside a LockedScope come from this area, all others from malloc(3). Frees
// distinguish the two by address.
#pragma once

#include <cstddef>

#include "fs/base/result.h"

namespace scratchfs::store {

// Fits the smallest default of RLIMIT_MEMLOCK that is still in use.
inline constexpr std::size_t kLockedBytes = 64 * 1024;

// Maps the area and installs it as libcrypto's allocator (CRYPTO_set_mem_functions(3)). Call it
// before anything uses libcrypto; idempotent. ENOMEM: RLIMIT_MEMLOCK is too low. EBUSY: libcrypto
// has allocated already.
base::Result<void> install_crypto_allocator();

// Allocates from the area; nullptr if it is full. REQUIRES: install_crypto_allocator() has
// succeeded.
void* allocate_locked(std::size_t bytes);
// Wipes and frees; ignores nullptr.
void free_locked(void* memory);
bool is_locked(const void* memory);
// Bytes of the area in use, for tests and leak checks.
std::size_t locked_bytes_in_use();

// While one exists, libcrypto's allocations on this thread come from locked memory.
class LockedScope {
 public:
  LockedScope();
  ~LockedScope();
  LockedScope(const LockedScope&) = delete;
  LockedScope& operator=(const LockedScope&) = delete;
};

}  // namespace scratchfs::store
