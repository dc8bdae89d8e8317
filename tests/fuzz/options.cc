// Command lines and -o lists: whatever is typed is understood or refused in one line.
#include <cstdint>
#include <string>
#include <vector>

#include "mount/commands/command_line.h"
#include "mount/options/mount_options.h"
#include "tests/fuzz/bytes.h"

using scratchfs::fuzz::must;

namespace {

// One word a line.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scratchfs;
  fuzz::Bytes bytes(data, size);
  std::string text = bytes.all();
  // No argument has one inside.
  std::erase(text, '\0');
  const std::vector<std::string> words = words_of(text);

  const auto options = mount::parse_mount_options(words);
  if (!options) {
    must(options.error().exit_code == mount::kUsage);
    must(!options.error().message.empty());
  }
  const auto command = mount::parse_command_line(words);
  if (const auto* answer = std::get_if<mount::Answered>(&command)) must(!answer->text.empty());
  return 0;
}
