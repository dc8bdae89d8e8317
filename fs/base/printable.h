// Text of others' making, for logs and terminals.
#pragma once

#include <string>
#include <string_view>

namespace scratchfs::base {

// `text` on one line and without a word to the terminal: control characters (those of ASCII and
// U+0080 to U+009F) and bytes that are no UTF-8 are '?'.
std::string printable(std::string_view text);

}  // namespace scratchfs::base
