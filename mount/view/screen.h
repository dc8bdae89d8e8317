// A terminal as a screen, by ncurses.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// One at a time. While it exists, the terminal is its own.
class Screen {
 public:
  // Refused: standard input or output is no terminal, or one that TERM does not tell of.
  static Outcome<std::unique_ptr<Screen>> open();
  ~Screen();  // puts the terminal back
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::size_t lines() const;
  std::size_t columns() const;
  // `lines` from the top, one of them (none: past the end) in reverse, `foot` at the bottom.
  void show(const std::vector<std::string>& lines, std::size_t in_reverse, const std::string& foot);

  enum class Event { none, key, resized, up, down, page_up, page_down, home };
  // Waits for a key, at most `patience`; `key` is set for Event::key.
  Event wait(std::chrono::milliseconds patience, char& key);

 private:
  struct Terminal;
  explicit Screen(std::unique_ptr<Terminal> terminal);
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace scratchfs::mount
