// Checks that the man page, README.md and --help agree; all are written by hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>

#include "mount/commands/command_line.h"
#include "mount/options/mount_options.h"

namespace scratchfs::mount {
namespace {

// Returns the text of a file in the source tree that contains this test program's build directory.
std::string source_text(const std::string& file) {
  std::filesystem::path directory = std::filesystem::read_symlink("/proc/self/exe");
  while (directory.has_relative_path()) {
    directory = directory.parent_path();
    std::ifstream stream(directory / file);
    if (stream) return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  ADD_FAILURE() << file << " not found above the test program";
  return {};
}

std::string help(const std::string& command) {
  const auto parsed = parse_command_line({command, "--help"});
  const auto* answered = std::get_if<Answered>(&parsed);
  return answered == nullptr ? "" : answered->text;
}

bool says(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

// Escapes dashes as troff requires.
std::string with_escaped_dashes(std::string text) {
  for (std::size_t i = 0; (i = text.find('-', i)) != std::string::npos; i += 2)
    text.insert(i, "\\");
  return text;
}

TEST(Manual, DescribesEveryMountOption) {
  const std::string manual = source_text("docs/scratchfs.1");
  for (const OptionHelp& option : mount_option_help()) {
    const std::string name(option.name);
    EXPECT_TRUE(says(manual, option.value.empty() ? name : name + "= ")) << name;
  }
}

TEST(Manual, DescribesEveryFlagOfEveryCommand) {
  const std::string manual = source_text("docs/scratchfs.1");
  for (const char* command :
       {"mount", "umount", "status", "top", "quota", "set", "keep", "unkeep", "run"}) {
    const std::string text = help(command);
    EXPECT_TRUE(says(manual, std::string(".SS ") + command)) << command;
    for (std::size_t i = 0; (i = text.find("\n  -", i)) != std::string::npos; ++i) {
      const std::size_t begin = i + 3;
      const std::string names = text.substr(begin, text.find(' ', begin) - begin);
      const std::string longest = names.substr(names.rfind(',') + 1);
      EXPECT_TRUE(says(manual, with_escaped_dashes(longest))) << command << " " << longest;
    }
  }
}

TEST(Readme, ListsEveryMountOptionWithAChoice) {
  const std::string readme = source_text("README.md");
  for (const OptionHelp& option : mount_option_help()) {
    if (option.name == "fsname") continue;  // the same as SOURCE
    EXPECT_TRUE(says(readme, "`" + std::string(option.name))) << option.name;
  }
}

}  // namespace
}  // namespace scratchfs::mount
