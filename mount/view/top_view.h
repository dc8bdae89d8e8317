// What `scratchfs top` shows, as lines of text: two answers of the daemon in, a table out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

enum class TopBy : std::uint8_t { user, session, process };
enum class TopSort : std::uint8_t { rate, bytes, since, name };

struct TopChoice {
  TopBy by = TopBy::user;
  TopSort sort = TopSort::rate;
  std::size_t first = 0;  // of the rows, the first to show
};

struct TopPage {
  std::vector<std::string> head;  // about the mount
  std::string columns;            // the heading of the table
  std::vector<std::string> rows;  // all there are, in order
};

// `before` and `now` are two "top" answers with users' names; rates are of the time between. What
// only `now` has counts as written since.
TopPage top_page(const Json& before, const Json& now, const TopChoice& choice);

// The page as lines of `columns` characters at most, cut to `lines` where that is not 0.
std::vector<std::string> lay_out(const TopPage& page, const TopChoice& choice, std::size_t columns,
                                 std::size_t lines);

// What a key does. False: it ends the program.
enum class TopKey : std::uint8_t { down, up, page_down, page_up, top };
bool press(TopChoice& choice, char key);
void scroll(TopChoice& choice, TopKey key, std::size_t rows, std::size_t page);

}  // namespace scratchfs::mount
