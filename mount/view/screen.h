// A full-screen terminal display, on ncurses.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Owns the terminal while it exists. There can be only one at a time.
class Screen {
 public:
  // Refused if standard input or output is not a terminal, or the type in $TERM is unknown.
  static Outcome<std::unique_ptr<Screen>> open();
  ~Screen();  // restores the terminal

  std::size_t lines() const;
  std::size_t columns() const;
  // Shows `lines` from the top and `foot` at the bottom. Line number `in_reverse` is shown in
  // reverse video; none if it is past the end.
  void show(const std::vector<std::string>& lines, std::size_t in_reverse, const std::string& foot);

  enum class Event { none, key, resized, up, down, page_up, page_down, home };
  // Waits for a key for at most `timeout`. Sets `key` if it returns Event::key.
  Event wait(std::chrono::milliseconds timeout, char& key);

 private:
  struct Terminal;
  explicit Screen(std::unique_ptr<Terminal> terminal);
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace scratchfs::mount
