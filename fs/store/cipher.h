// AES-256-GCM over the pages of a block, with a random key that exists only in locked memory.
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

// What must be remembered, in memory, to open a sealed block.
struct Seal {
  std::uint64_t nonce = 0;
  Tag tag{};
};

// Thread-safe. A nonce is one count of one 64-bit counter, taken at each seal() whether or not it
// is used in the end, so none is ever used twice under the key.
class Cipher {
 public:
  // Takes the key from getrandom(2). ENOMEM: no locked memory left (RLIMIT_MEMLOCK); EBUSY as
  // install_crypto_allocator(), which this calls.
  static base::Result<std::unique_ptr<Cipher>> create();
  ~Cipher();
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  // Encrypts `pages` (kPageSize bytes each), one after the other, into `sealed` (as long as they
  // are together). `mask` is authenticated with them. The pages do not change meanwhile. May wait
  // for a context, never for a disk.
  base::Result<Seal> seal(std::span<const std::byte* const> pages, PageMask mask,
                          std::byte* sealed);
  // The way back. EIO: it does not verify; what `pages` hold is then rubbish that nobody may see.
  base::Result<void> open(const Seal& seal, const std::byte* sealed, PageMask mask,
                          std::span<std::byte* const> pages);

  // The next nonce that seal() would take, for tests.
  std::uint64_t next_nonce() const { return next_nonce_.load(std::memory_order_relaxed); }
  // The 32 bytes of the key, for the test that searches the process for them.
  std::span<const std::byte> key_for_test() const { return {key_, kKeyBytes}; }

 private:
  using Context = evp_cipher_ctx_st;
  class Lease;
  static constexpr std::size_t kKeyBytes = 32;
  // About 1.3 KiB of the locked area each, and more threads than cores gain nothing.
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
