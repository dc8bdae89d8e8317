// A fuzzer's input, read piece by piece; at its end everything is zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace scratchfs::fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  template <typename T>
  T take() {
    T value{};
    const std::size_t size = std::min(sizeof value, rest_.size());
    if (size > 0) std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  std::string text(std::size_t size) {
    size = std::min(size, rest_.size());
    std::string taken(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::string all() { return text(rest_.size()); }

 private:
  std::span<const std::uint8_t> rest_;
};

// A broken promise ends the run, in every build.
inline void must(bool kept) {
  if (!kept) __builtin_trap();
}

}  // namespace scratchfs::fuzz
