#include "fs/store/cipher.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include "fs/store/locked_memory.h"

namespace scratchfs::store {
namespace {

// The IV of SP 800-38D section 8.2.1: a fixed field (zero, because no other process has the key)
// and an invocation counter.
using Iv = std::array<unsigned char, 12>;
Iv make_iv(std::uint64_t nonce) {
  Iv iv{};
  for (std::size_t i = 0; i < 8; ++i) iv[4 + i] = static_cast<unsigned char>(nonce >> (56 - 8 * i));
  return iv;
}

std::array<unsigned char, 2> associated(PageMask mask) {
  return {static_cast<unsigned char>(mask >> 8), static_cast<unsigned char>(mask & 0xff)};
}

bool fill_random(std::byte* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t got = getrandom(bytes, count, 0);
    if (got < 0 && errno != EINTR) return false;
    if (got <= 0) continue;
    bytes += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

const unsigned char* bytes_in(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* bytes_out(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

// Acquires a context for one operation.
class Cipher::Lease {
 public:
  explicit Lease(Cipher& cipher) : cipher_(cipher), context_(cipher.acquire()) {}
  ~Lease() { cipher_.release(context_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Context* get() const { return context_; }

 private:
  Cipher& cipher_;
  Context* const context_;
};

base::Result<std::unique_ptr<Cipher>> Cipher::create() {
  if (auto installed = install_crypto_allocator(); !installed) return installed.error();
  std::unique_ptr<Cipher> cipher(new Cipher);
  cipher->algorithm_ = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (cipher->algorithm_ == nullptr) return base::Errno{ENOMEM};
  cipher->key_ = static_cast<std::byte*>(allocate_locked(kKeyBytes));
  if (cipher->key_ == nullptr) return base::Errno{ENOMEM};
  if (!fill_random(cipher->key_, kKeyBytes)) return base::Errno{EIO};
  // One context must exist: if no further one can be made, acquire() waits for one to be released.
  Context* first = cipher->make_context();
  if (first == nullptr) return base::Errno{ENOMEM};
  base::Lock lock(cipher->mutex_);
  cipher->idle_.reserve(kMaxContexts);  // so that release() does not throw
  cipher->idle_.push_back(first);
  cipher->made_ = 1;
  return cipher;
}

Cipher::~Cipher() {
  base::Lock lock(mutex_);
  for (Context* context : idle_) EVP_CIPHER_CTX_free(context);
  free_locked(key_);
  EVP_CIPHER_free(algorithm_);
}

Cipher::Context* Cipher::make_context() {
  const LockedScope scope;
  Context* context = EVP_CIPHER_CTX_new();
  if (context == nullptr) return nullptr;
  if (is_locked(context) &&
      EVP_CipherInit_ex2(context, algorithm_, bytes_in(key_), nullptr, 1, nullptr) == 1) {
    return context;
  }
  EVP_CIPHER_CTX_free(context);
  return nullptr;
}

Cipher::Context* Cipher::acquire() {
  base::Lock lock(mutex_);
  while (idle_.empty()) {
    if (made_ < kMaxContexts) {
      if (Context* context = make_context(); context != nullptr) {
        ++made_;
        return context;
      }
    }
    released_.wait(mutex_);
  }
  Context* context = idle_.back();
  idle_.pop_back();
  return context;
}

void Cipher::release(Context* context) {
  {
    base::Lock lock(mutex_);
    idle_.push_back(context);
  }
  released_.notify_one();
}

base::Result<Seal> Cipher::seal(std::span<const std::byte* const> pages, PageMask mask,
                                std::byte* sealed) {
  Seal made;
  made.nonce = next_nonce_.fetch_add(1, std::memory_order_relaxed);
  const Iv iv = make_iv(made.nonce);
  const auto aad = associated(mask);
  const Lease lease(*this);
  Context* context = lease.get();
  int length = 0;
  bool fine =
      EVP_CipherInit_ex2(context, nullptr, nullptr, iv.data(), 1, nullptr) == 1 &&
      EVP_CipherUpdate(context, nullptr, &length, aad.data(), static_cast<int>(aad.size())) == 1;
  for (const std::byte* page : pages) {
    fine = fine &&
           EVP_CipherUpdate(context, bytes_out(sealed), &length, bytes_in(page), kPageSize) == 1;
    sealed += kPageSize;
  }
  fine = fine && EVP_CipherFinal_ex(context, nullptr, &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(made.tag.size()),
                             made.tag.data()) == 1;
  if (!fine) return base::Errno{EIO};
  return made;
}

base::Result<void> Cipher::open(const Seal& seal, const std::byte* sealed, PageMask mask,
                                std::span<std::byte* const> pages) {
  const Iv iv = make_iv(seal.nonce);
  const auto aad = associated(mask);
  Tag tag = seal.tag;
  const Lease lease(*this);
  Context* context = lease.get();
  int length = 0;
  bool fine =
      EVP_CipherInit_ex2(context, nullptr, nullptr, iv.data(), 0, nullptr) == 1 &&
      EVP_CipherUpdate(context, nullptr, &length, aad.data(), static_cast<int>(aad.size())) == 1;
  for (std::byte* page : pages) {
    fine = fine &&
           EVP_CipherUpdate(context, bytes_out(page), &length, bytes_in(sealed), kPageSize) == 1;
    sealed += kPageSize;
  }
  fine = fine &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                             tag.data()) == 1 &&
         EVP_CipherFinal_ex(context, nullptr, &length) == 1;
  if (!fine) return base::Errno{EIO};
  return {};
}

}  // namespace scratchfs::store
