// Implements scarce_memory.h and replaces operators new and delete in the whole executable.
#pragma once

#include <cstdlib>
#include <new>

#include "tests/fakes/scarce_memory.h"

namespace scratchfs::fakes {
namespace detail {

constexpr std::int64_t kNever = -1;  // where the countdown ends
constinit inline thread_local std::int64_t spared_here = kNever;
constinit inline thread_local bool happened_here = false;
constinit inline thread_local bool has_enough = false;
constinit inline std::atomic<std::uint32_t> one_in = 0;
constinit inline std::atomic<std::uint64_t> asked = 0;
constinit inline std::atomic<std::uint64_t> refused = 0;

inline bool is_refused() {
  if (spared_here >= 0 && spared_here-- == 0) return happened_here = true;
  const std::uint32_t every = one_in.load(std::memory_order_relaxed);
  if (every == 0 || has_enough) return false;
  // Multiply, because `every` could be a divisor of the number of allocations in a round of a loop,
  // and would then miss some places in it.
  const std::uint64_t number = asked.fetch_add(1, std::memory_order_relaxed);
  if ((number * 0x9E3779B97F4A7C15U >> 32) % every != 0) return false;
  refused.fetch_add(1, std::memory_order_relaxed);
  return true;
}

inline void* allocate(std::size_t bytes, std::size_t alignment) {
  if (is_refused()) throw std::bad_alloc();
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* memory = alignment <= alignof(std::max_align_t) ? std::malloc(bytes == 0 ? 1 : bytes)
                                                        : std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace detail

OneFailure::OneFailure(std::uint64_t spared) {
  detail::happened_here = false;
  detail::spared_here = static_cast<std::int64_t>(spared);
}
OneFailure::~OneFailure() { detail::spared_here = detail::kNever; }
bool OneFailure::happened() const { return detail::happened_here; }

ScarceMemory::ScarceMemory(std::uint32_t every) {
  detail::has_enough = true;
  detail::refused = 0;
  detail::one_in = every;
}
ScarceMemory::~ScarceMemory() {
  detail::one_in = 0;
  detail::has_enough = false;
}
std::uint64_t ScarceMemory::failures() const { return detail::refused; }

}  // namespace scratchfs::fakes

// All forms are replaced, because those of a sanitizer do not call operator new(size_t). Not
// inlined, or GCC would warn that malloc is paired with delete.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return scratchfs::fakes::detail::allocate(bytes, 1);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) { return operator new(bytes); }
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, const std::nothrow_t& none) noexcept {
  return operator new(bytes, none);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return scratchfs::fakes::detail::allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
