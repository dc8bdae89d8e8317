// Whether a daemon that died is followed by another: not where one after the other dies at once.
#pragma once

#include <chrono>
#include <optional>

namespace scratchfs::mount {

class RestartLimit {
 public:
  static constexpr int kMost = 5;
  static constexpr std::chrono::seconds kLongEnough{10};

  // A daemon died that had `served` so long; nothing: its mount never answered. False: it was the
  // last of kMost in a row that served for less than kLongEnough.
  bool allows_another(std::optional<std::chrono::steady_clock::duration> served) {
    in_a_row_ = served && *served >= kLongEnough ? 0 : in_a_row_ + 1;
    return in_a_row_ < kMost;
  }

 private:
  int in_a_row_ = 0;
};

}  // namespace scratchfs::mount
