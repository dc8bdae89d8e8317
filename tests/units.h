// Sizes that many tests use.
#pragma once

#include <cstddef>

namespace scratchfs {

inline constexpr std::size_t kKiB = 1 << 10;
inline constexpr std::size_t kMiB = 1 << 20;
inline constexpr std::size_t kGiB = 1 << 30;
inline constexpr std::size_t kTiB = std::size_t{1} << 40;
inline constexpr std::size_t kPage = 4096;

}  // namespace scratchfs
