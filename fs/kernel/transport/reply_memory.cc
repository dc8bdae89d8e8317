#include "fs/kernel/transport/reply_memory.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace scratchfs::kernel {

namespace {

constexpr std::size_t kPage = 4096;

// Mapped rather than allocated, so that freeing it does not depend on the rest of the heap. The
// first page holds the size, which unmap() needs when the thread ends.
struct Buffer {
  std::size_t mapped;
  std::byte* bytes() { return reinterpret_cast<std::byte*>(this) + kPage; }
  std::size_t capacity() const { return mapped - kPage; }
};

thread_local Buffer* own = nullptr;

void unmap(void* buffer) { munmap(buffer, static_cast<Buffer*>(buffer)->mapped); }

// Returns the key whose destructor unmaps a thread's buffer when the thread ends. A thread_local
// with a destructor would register it at first use, and glibc aborts if it has no memory for that.
pthread_key_t freed_at_end() {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    if (pthread_key_create(&made, unmap) != 0) throw std::bad_alloc();
    return made;
  }();
  return key;
}

void give_back() {
  if (own == nullptr) return;
  pthread_setspecific(freed_at_end(), nullptr);
  unmap(std::exchange(own, nullptr));
}

Buffer* make(std::size_t size) {
  const pthread_key_t key = freed_at_end();
  const std::size_t mapped = (size + kPage - 1) / kPage * kPage + kPage;
  void* const memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const buffer = new (memory) Buffer{mapped};
  if (pthread_setspecific(key, buffer) != 0) {
    unmap(buffer);
    throw std::bad_alloc();
  }
  return buffer;
}

}  // namespace

std::span<std::byte> thread_buffer(std::size_t size) {
  if (own == nullptr || own->capacity() < size) {
    give_back();
    own = make(size);
  }
  return {own->bytes(), size};
}

void give_back_large_buffer() {
  if (own != nullptr && own->capacity() > kKeptBuffer) give_back();
}

base::Result<ReplyRoom::Share> ReplyRoom::take(std::size_t bytes, base::Wait wait) {
  if (bytes == 0) return Share(*this, 0);
  base::Lock lock(mutex_);
  while (taken_ + bytes > kMost) {
    wait.progressed(given_at_);
    if (const auto why = wait.over()) return *why;
    given_.wait(mutex_, wait);
  }
  taken_ += bytes;
  return Share(*this, bytes);
}

void ReplyRoom::give(std::size_t bytes) {
  if (bytes == 0) return;
  {
    base::Lock lock(mutex_);
    taken_ -= bytes;
    given_at_ = base::CancellableDeadline::Clock::now();
  }
  given_.notify_all();  // a single waiter may be about to give up, or want more
}

}  // namespace scratchfs::kernel
