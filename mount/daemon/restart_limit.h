// Decides whether to restart a daemon that died: not if one after another dies soon after its
// start.
#pragma once

#include <chrono>
#include <optional>

namespace scratchfs::mount {

class RestartLimit {
 public:
  static constexpr int kMost = 5;
  static constexpr std::chrono::seconds kLongEnough{10};

  // Records the death of a daemon that served for `served` (nullopt: its mount never answered).
  // Returns false if kMost daemons in a row have served for less than kLongEnough.
  bool allows_another(std::optional<std::chrono::steady_clock::duration> served) {
    in_a_row_ = served && *served >= kLongEnough ? 0 : in_a_row_ + 1;
    return in_a_row_ < kMost;
  }

 private:
  int in_a_row_ = 0;
};

}  // namespace scratchfs::mount
