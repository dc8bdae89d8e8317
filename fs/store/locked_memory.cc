#include "fs/store/locked_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "fs/base/mutex.h"

namespace scratchfs::store {
namespace {

constexpr std::size_t kUnit = 64;  // bytes; a cache line, so that two contexts never share one
constexpr std::size_t kUnits = kLockedBytes / kUnit;

class LockedArea {
 public:
  base::Result<void> map() EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    if (start_ != nullptr) return {};
    void* memory =
        mmap(nullptr, kLockedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return base::Errno{ENOMEM};
    if (mlock(memory, kLockedBytes) != 0) {
      munmap(memory, kLockedBytes);
      return base::Errno{ENOMEM};
    }
    madvise(memory, kLockedBytes, MADV_DONTDUMP);
    // After fork(2), a child would have the key in pages that are not locked; it gets zeros
    // instead.
    madvise(memory, kLockedBytes, MADV_WIPEONFORK);
    start_ = static_cast<std::byte*>(memory);
    return {};
  }

  void* allocate(std::size_t bytes) EXCLUDES(mutex_) {
    const std::size_t want = std::max<std::size_t>(1, (bytes + kUnit - 1) / kUnit);
    if (want > kUnits) return nullptr;
    base::Lock lock(mutex_);
    std::size_t run = 0;
    for (std::size_t unit = 0; unit < kUnits; unit += std::max<std::size_t>(1, lengths_[unit])) {
      run = lengths_[unit] == 0 ? run + 1 : 0;
      if (run < want) continue;
      const std::size_t first = unit + 1 - want;
      lengths_[first] = static_cast<std::uint16_t>(want);
      in_use_ += want * kUnit;
      return start_ + first * kUnit;
    }
    return nullptr;
  }

  void free(void* memory) EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    const std::size_t first = unit_of(memory);
    const std::size_t bytes = lengths_[first] * kUnit;
    explicit_bzero(memory, bytes);
    lengths_[first] = 0;
    in_use_ -= bytes;
  }

  std::size_t size_of(void* memory) EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    return lengths_[unit_of(memory)] * kUnit;
  }

  std::size_t in_use() EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    return in_use_;
  }

  // Without the mutex: start_ is set once, before libcrypto or anyone else has an address to check.
  bool contains(const void* memory) const NO_THREAD_SAFETY_ANALYSIS {
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const auto start = reinterpret_cast<std::uintptr_t>(start_);
    return start != 0 && address >= start && address < start + kLockedBytes;
  }

 private:
  std::size_t unit_of(void* memory) const REQUIRES(mutex_) {
    return static_cast<std::size_t>(static_cast<std::byte*>(memory) - start_) / kUnit;
  }

  base::Mutex mutex_;
  std::byte* start_ GUARDED_BY(mutex_) = nullptr;
  // The length, in units, of the allocation that starts at each unit; 0: free, or inside an
  // allocation.
  std::array<std::uint16_t, kUnits> lengths_ GUARDED_BY(mutex_){};
  std::size_t in_use_ GUARDED_BY(mutex_) = 0;
};

// Never destroyed, because libcrypto frees memory at exit, after static destructors.
LockedArea& area() {
  static LockedArea* const instance = new LockedArea;
  return *instance;
}

thread_local int scope_depth = 0;

void* crypto_malloc(std::size_t bytes, const char*, int) {
  return scope_depth > 0 ? area().allocate(bytes) : std::malloc(bytes);
}

void crypto_free(void* memory, const char*, int) {
  if (memory == nullptr) return;
  if (area().contains(memory)) {
    area().free(memory);
  } else {
    std::free(memory);
  }
}

void* crypto_realloc(void* memory, std::size_t bytes, const char* file, int line) {
  const bool locked = memory != nullptr && area().contains(memory);
  if (!locked && (scope_depth == 0 || memory != nullptr)) return std::realloc(memory, bytes);
  void* moved = area().allocate(bytes);
  if (moved == nullptr || memory == nullptr) return moved;
  std::memcpy(moved, memory, std::min(bytes, area().size_of(memory)));
  crypto_free(memory, file, line);
  return moved;
}

}  // namespace

base::Result<void> install_crypto_allocator() {
  static base::Mutex mutex{base::Rank::cipher};
  static bool installed = false;
  base::Lock lock(mutex);
  if (installed) return {};
  if (auto mapped = area().map(); !mapped) return mapped;
  if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
    return base::Errno{EBUSY};
  // The system's openssl.cnf must not choose other engines or providers.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) return base::Errno{EBUSY};
  installed = true;
  return {};
}

void* allocate_locked(std::size_t bytes) { return area().allocate(bytes); }

void free_locked(void* memory) {
  if (memory != nullptr) area().free(memory);
}

bool is_locked(const void* memory) { return area().contains(memory); }

std::size_t locked_bytes_in_use() { return area().in_use(); }

LockedScope::LockedScope() { ++scope_depth; }
LockedScope::~LockedScope() { --scope_depth; }

}  // namespace scratchfs::store
