#include "tests/mounted/harness/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/pace.h"

namespace scratchfs::harness {
namespace {

Fd open_screen() {
  Fd screen(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(screen.valid());
  EXPECT_EQ(grantpt(screen.get()), 0);
  EXPECT_EQ(unlockpt(screen.get()), 0);
  return screen;
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& words)
    : screen_(open_screen()), child_(Who{.new_session = true}, [&](Channel&) {
        // The first terminal that a session leader opens becomes its controlling terminal.
        const int terminal = open(ptsname(screen_.get()), O_RDWR | O_CLOEXEC);
        for (const int stream : {0, 1, 2}) dup2(terminal, stream);
        become(words);
      }) {}

void Terminal::expect(const std::string& text, double seconds) {
  EXPECT_TRUE(eventually([&] { return this->text().find(text) != std::string::npos; }, seconds))
      << "'" << text << "' was not written; the output was: '" << text_ << "'";
}

int Terminal::join() {
  const int code = child_.join();
  text();
  return code;
}

const std::string& Terminal::text() {
  char buffer[4096];
  ssize_t got = 0;
  while ((got = read(screen_.get(), buffer, sizeof(buffer))) > 0)
    text_.append(buffer, static_cast<std::size_t>(got));
  return text_;
}

}  // namespace scratchfs::harness
