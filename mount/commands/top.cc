// `scratchfs top`: shows who fills a mount, how fast and since when; live, or once for scripts.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/view/screen.h"
#include "mount/view/top_view.h"

namespace scratchfs::mount {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeading = 3;  // the line that is shown in reverse
constexpr const char* kFoot =
    "by u:user s:session p:process   sort r:writes b:bytes t:since n:name   q:quit";

// Shows progress on stderr, so call it only while there is no screen.
Outcome<Answer<Top>> ask_visibly(const TopCommand& command) {
  return ask_daemon_visibly<Top>(command.mountpoint, TopRequest{});
}

int show_once(const TopCommand& command) {
  const auto before = ask_visibly(command);
  if (!before) return complain(before.error());
  std::this_thread::sleep_for(command.interval);
  const auto now = ask_visibly(command);
  if (!now) return complain(now.error());
  const TopPage page = top_page(*before, *now, command.choice);
  for (const std::string& line : lay_out(page, command.choice, std::string::npos, 0)) {
    std::printf("%s\n", line.c_str());
  }
  return kFine;
}

// The live screen.
class Live {
 public:
  Live(const TopCommand& command, Top first, Screen& screen)
      : command_(command),
        choice_(command.choice),
        screen_(screen),
        before_(first),
        now_(std::move(first)) {}

  // Runs until a key ends it. Refused if the daemon no longer answers.
  Outcome<void> run() {
    draw();
    for (auto next = Clock::now() + kFirst;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now());
      if (left.count() <= 0) {
        auto answer = ask_daemon<Top>(command_.mountpoint, TopRequest{});
        if (!answer) return answer.error();
        before_ = std::exchange(now_, std::move(*answer));
        next = Clock::now() + command_.interval;
      } else if (!handle_key(left)) {
        return {};
      }
      draw();
    }
  }

 private:
  // The first update comes soon, because rates need two answers.
  static constexpr std::chrono::milliseconds kFirst{500};

  // Waits for a key and handles it; returns false if it ends the program.
  bool handle_key(std::chrono::milliseconds timeout) {
    using Event = Screen::Event;
    char key = 0;
    switch (screen_.wait(timeout, key)) {
      case Event::key:
        return press(choice_, key);
      case Event::up:
        return move(TopKey::up);
      case Event::down:
        return move(TopKey::down);
      case Event::page_up:
        return move(TopKey::page_up);
      case Event::page_down:
        return move(TopKey::page_down);
      case Event::home:
        return move(TopKey::top);
      case Event::none:
      case Event::resized:
        break;
    }
    return true;
  }

  bool move(TopKey key) {
    const std::size_t rows = top_page(before_, now_, choice_).rows.size();
    scroll(choice_, key, rows, room() > kHeading + 1 ? room() - kHeading - 1 : 1);
    return true;
  }

  std::size_t room() const { return screen_.lines() - 1; }  // lines above the foot

  void draw() {
    const TopPage page = top_page(before_, now_, choice_);
    screen_.show(lay_out(page, choice_, screen_.columns(), room()), kHeading, kFoot);
  }

  const TopCommand& command_;
  TopChoice choice_;
  Screen& screen_;
  Top before_;
  Top now_;
};

}  // namespace

int run(const TopCommand& command) {
  if (command.once) return show_once(command);
  auto first = ask_visibly(command);
  if (!first) return complain(first.error());
  auto screen = Screen::open();
  if (!screen) return complain(screen.error());
  const auto shown = Live(command, std::move(*first), **screen).run();
  screen->reset();
  return shown ? kFine : complain(shown.error());
}

}  // namespace scratchfs::mount
