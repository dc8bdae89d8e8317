// The audit at the end of a mount (debug builds), which allows for work that is still in progress.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace scratchfs::mount {

// Repeats `audit` while `is_busy` is false, until it finds no differences; after `timeout` returns
// those that remain. A session that ends meanwhile, or a socket, causes a difference that is gone a
// moment later.
std::vector<std::string> settled_differences(
    const std::function<bool()>& is_busy, const std::function<std::vector<std::string>()>& audit,
    std::chrono::milliseconds timeout = std::chrono::seconds(5));

}  // namespace scratchfs::mount
