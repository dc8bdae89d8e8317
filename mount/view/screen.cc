#include "mount/view/screen.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace scratchfs::mount {

struct Screen::Terminal {
  explicit Terminal(SCREEN* made) : screen(made) {}
  ~Terminal() {
    ::endwin();
    ::delscreen(screen);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  SCREEN* const screen;
};

Outcome<std::unique_ptr<Screen>> Screen::open() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return usage("top: needs a terminal; for scripts: --once");
  }
  SCREEN* const screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* const name = std::getenv("TERM");
    return failed(std::string("top: unknown terminal type ") +
                  (name == nullptr ? "(TERM is not set)" : name) + "; for scripts: --once");
  }
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(::stdscr, true);
  ::curs_set(0);
  return std::unique_ptr<Screen>(new Screen(std::make_unique<Terminal>(screen)));
}

Screen::Screen(std::unique_ptr<Terminal> terminal) : terminal_(std::move(terminal)) {}
Screen::~Screen() = default;

std::size_t Screen::lines() const { return static_cast<std::size_t>(::getmaxy(::stdscr)); }
std::size_t Screen::columns() const { return static_cast<std::size_t>(::getmaxx(::stdscr)); }

void Screen::show(const std::vector<std::string>& lines, std::size_t in_reverse,
                  const std::string& foot) {
  const auto width = static_cast<int>(columns());
  const auto bottom = static_cast<int>(this->lines()) - 1;
  ::werase(::stdscr);
  for (std::size_t i = 0; i < lines.size() && static_cast<int>(i) < bottom; ++i) {
    if (i == in_reverse) ::wattron(::stdscr, static_cast<int>(A_REVERSE));
    ::mvwaddnstr(::stdscr, static_cast<int>(i), 0, lines[i].c_str(), width);
    if (i == in_reverse) ::wattroff(::stdscr, static_cast<int>(A_REVERSE));
  }
  ::wattron(::stdscr, static_cast<int>(A_DIM));
  // Leaves the last column of the last line empty: writing there makes some terminals scroll.
  ::mvwaddnstr(::stdscr, bottom, 0, foot.c_str(), width - 1);
  ::wattroff(::stdscr, static_cast<int>(A_DIM));
  ::wrefresh(::stdscr);
}

Screen::Event Screen::wait(std::chrono::milliseconds timeout, char& key) {
  ::wtimeout(::stdscr, static_cast<int>(timeout.count()));
  const int got = ::wgetch(::stdscr);
  switch (got) {
    case ERR:
      return Event::none;
    case KEY_RESIZE:
      return Event::resized;
    case KEY_UP:
      return Event::up;
    case KEY_DOWN:
      return Event::down;
    case KEY_PPAGE:
      return Event::page_up;
    case KEY_NPAGE:
      return Event::page_down;
    case KEY_HOME:
      return Event::home;
    default:
      break;
  }
  if (got < 0 || got > 127) return Event::none;
  key = static_cast<char>(got);
  return Event::key;
}

}  // namespace scratchfs::mount
