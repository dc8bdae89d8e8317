// Formats the table of `scratchfs top` from two answers of the daemon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mount/control/replies.h"

namespace scratchfs::mount {

enum class TopBy : std::uint8_t { user, session, process };
enum class TopSort : std::uint8_t { rate, bytes, since, name };

struct TopChoice {
  TopBy by = TopBy::user;
  TopSort sort = TopSort::rate;
  std::size_t first = 0;  // index of the first row to show
};

struct TopPage {
  std::vector<std::string> head;  // about the mount
  std::string columns;            // the heading of the table
  std::vector<std::string> rows;  // all rows, sorted
};

// Makes the page from two answers; rates are over the time between them. All that a row which is
// only in `now` has written counts as written in that time.
TopPage top_page(const Top& before, const Top& now, const TopChoice& choice);

// Returns the page as lines of at most `columns` characters, and at most `lines` of them unless
// that is 0.
std::vector<std::string> lay_out(const TopPage& page, const TopChoice& choice, std::size_t columns,
                                 std::size_t lines);

enum class TopKey : std::uint8_t { down, up, page_down, page_up, top };
// Applies a letter key to `choice`; returns false if the key ends the program.
bool press(TopChoice& choice, char key);
// Scrolls through `rows` rows, of which `page` fit on the screen.
void scroll(TopChoice& choice, TopKey key, std::size_t rows, std::size_t page);

}  // namespace scratchfs::mount
