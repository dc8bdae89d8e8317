// Looks for words in messages and pages.
#pragma once

#include <string>

namespace scratchfs::mount {

inline bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace scratchfs::mount
