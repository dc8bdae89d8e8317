// The sizes that contents come in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace scratchfs::store {

inline constexpr std::size_t kPageSize =
    4096;  // bytes of a frame: what a hole and a charge are counted in
inline constexpr std::size_t kPagesPerBlock = 16;  // frames of a block that has no hole
inline constexpr std::size_t kBlockSize =
    kPageSize * kPagesPerBlock;  // bytes of content that are spilled together

// Which of a block's pages exist: bit i is page i, holes are 0.
using PageMask = std::uint16_t;

}  // namespace scratchfs::store
