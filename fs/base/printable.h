// Makes untrusted text safe for logs and terminals.
#pragma once

#include <string>
#include <string_view>

namespace scratchfs::base {

// Returns `text` as one line without terminal control: control characters (ASCII, and U+0080 to
// U+009F) and bytes that are not valid UTF-8 become '?'.
std::string printable(std::string_view text);

}  // namespace scratchfs::base
