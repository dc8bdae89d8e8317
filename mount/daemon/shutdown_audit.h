// Whether all adds up at the end, while some of what goes on may not have come to its end yet.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace scratchfs::mount {

// What `audit` tells once `is_busy` is false. A session that ends meanwhile, or a socket, shows as
// a difference that is gone a moment later: only what stays for `patience` is returned.
std::vector<std::string> settled_differences(
    const std::function<bool()>& is_busy, const std::function<std::vector<std::string>()>& audit,
    std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace scratchfs::mount
