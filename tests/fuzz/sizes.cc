// Sizes and limits, as users type them.
#include <cstdint>
#include <string>

#include "fs/limits/size.h"
#include "mount/mount_options.h"
#include "tests/fuzz/bytes.h"

using scratchfs::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scratchfs;
  fuzz::Bytes bytes(data, size);
  const auto whole = bytes.take<std::uint64_t>();
  const std::string text = bytes.all();

  const auto read = limits::parse_size(text, whole);
  if (const auto* refused = std::get_if<limits::SizeError>(&read)) {
    must(limits::explain(*refused) != nullptr);
  } else {
    const std::uint64_t amount = std::get<std::uint64_t>(read);
    must(!text.ends_with('%') || amount <= whole);
    // What is shown can be typed again. The largest amounts are rounded up to more than there are
    // bytes.
    const auto again = limits::parse_size(limits::format_size(amount));
    must(std::holds_alternative<std::uint64_t>(again) || amount > UINT64_MAX / 20 * 19);
  }
  const auto limit = mount::parse_byte_limit(text, whole);
  must(limit || !limit.error().message.empty());
  const auto inodes = mount::parse_inode_limit(text);
  must(!inodes || *inodes > 0);
  return 0;
}
