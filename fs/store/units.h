// Page and block sizes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace scratchfs::store {

// Bytes of a frame: the unit of holes and charges.
inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kPagesPerBlock = 16;  // pages of a block without holes
// Bytes of content that are spilled together.
inline constexpr std::size_t kBlockSize = kPageSize * kPagesPerBlock;

// The pages of a block that exist: bit i is page i; holes are 0.
using PageMask = std::uint16_t;

}  // namespace scratchfs::store
