// AES-256-GCM encryption of a block's pages, under a random key that exists only in locked memory.
// Source: NIST SP 800-38D; OpenSSL's EVP_EncryptInit(3).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/units.h"

struct evp_cipher_st;
struct evp_cipher_ctx_st;

namespace scratchfs::store {

using Tag = std::array<std::byte, 16>;

// What must be kept in memory to decrypt a sealed block.
struct Seal {
  std::uint64_t nonce = 0;
  Tag tag{};
};

// Thread-safe. Nonces come from a 64-bit counter that every seal() increments, whether or not its
// result is used, so no nonce is ever used twice under the key.
class Cipher {
 public:
  // Draws the key from getrandom(2). ENOMEM: no locked memory left (RLIMIT_MEMLOCK); EBUSY as
  // install_crypto_allocator(), which this calls.
  static base::Result<std::unique_ptr<Cipher>> create();
  ~Cipher();

  // Encrypts `pages` (kPageSize bytes each) into `sealed`, which has their total size, and
  // authenticates `mask` with them. The pages must not change meanwhile. May wait for a context,
  // never for a disk.
  base::Result<Seal> seal(std::span<const std::byte* const> pages, PageMask mask,
                          std::byte* sealed);
  // Decrypts and verifies. EIO: verification failed; the contents of `pages` are then garbage that
  // must not be exposed.
  base::Result<void> open(const Seal& seal, const std::byte* sealed, PageMask mask,
                          std::span<std::byte* const> pages);

  // The nonce that the next seal() will take, for tests.
  std::uint64_t next_nonce() const { return next_nonce_.load(std::memory_order_relaxed); }
  // The 32 bytes of the key, for the test that searches the process memory for them.
  std::span<const std::byte> key_for_test() const { return {key_, kKeyBytes}; }

 private:
  using Context = evp_cipher_ctx_st;
  class Lease;
  static constexpr std::size_t kKeyBytes = 32;
  // Each takes about 1.3 KiB of the locked area, and more threads than cores gain nothing.
  static constexpr std::size_t kMaxContexts = 16;

  Cipher() = default;
  Context* make_context();
  Context* acquire() EXCLUDES(mutex_);
  void release(Context* context) EXCLUDES(mutex_);

  evp_cipher_st* algorithm_ = nullptr;
  std::byte* key_ = nullptr;
  std::atomic<std::uint64_t> next_nonce_{1};
  base::Mutex mutex_{base::Rank::cipher};
  base::Condition released_;
  std::vector<Context*> idle_ GUARDED_BY(mutex_);
  std::size_t made_ GUARDED_BY(mutex_) = 0;
};

}  // namespace scratchfs::store
