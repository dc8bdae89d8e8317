// Checks that the man page and README.md agree with the table of options and with --help.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>

#include "mount/commands/command_line.h"
#include "mount/options/mount_options.h"
#include "tests/unit/mount/says.h"

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

// Escapes dashes as troff requires.
std::string with_escaped_dashes(std::string text) {
  for (std::size_t i = 0; (i = text.find('-', i)) != std::string::npos; i += 2)
    text.insert(i, "\\");
  return text;
}

// Returns the entry of scratchfs(1) on an option, without troff macros and spaces; its heading is
// the first line of the page that begins so.
std::string manual_entry(const std::string& manual, const MountOption& option) {
  const std::size_t options = manual.find("\n.SH OPTIONS\n");
  const std::string name(option.name);
  const std::string heading = option.argument.empty() ? name : name + "= ";
  std::size_t begin = std::string::npos;
  for (const std::string& tagged :
       {"\n.TP\n.BI " + heading, "\n.TP\n.B " + heading + "\n", "\n.TP\n.BR " + heading + " \", \"",
        "\", \" " + heading + "\n"})
    begin = std::min(begin, manual.find(tagged, options));
  if (begin == std::string::npos) return "";
  const std::size_t end = manual.find("\n.TP\n", begin + 1);
  std::istringstream lines(manual.substr(begin, end - begin));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line == ".TP") continue;
    if (line.starts_with('.')) line.erase(0, line.find(' '));
    for (const std::string_view mark : {"\\fR", " ", "\"", "\\"}) {
      for (std::size_t at; (at = line.find(mark)) != std::string::npos;)
        line.erase(at, mark.size());
    }
    text += line;
  }
  return text;
}

std::string without_spaces(std::string text) {
  std::erase(text, ' ');
  return text;
}

TEST(Manual, DescribesEveryMountOptionAndItsDefault) {
  const std::string manual = source_text("docs/scratchfs.1");
  for (const MountOption& option : mount_options()) {
    const std::string name(option.name);
    const std::string entry = manual_entry(manual, option);
    ASSERT_FALSE(entry.empty()) << name;
    if (option.argument.empty()) continue;
    EXPECT_TRUE(entry.starts_with(name + "=" + std::string(option.argument))) << entry;
    if (!option.default_value.empty()) {
      const std::string usual = without_spaces(std::string(option.default_value));
      EXPECT_TRUE(says(entry, "Default:" + usual)) << name << ": " << entry;
    }
    if (option.value.words == nullptr) continue;
    for (const std::string_view word : option.value.words())
      EXPECT_TRUE(says(entry, std::string(word))) << name << "=" << word;
  }
}

TEST(Manual, SaysWhichOptionsAreLive) {
  const std::string manual = source_text("docs/scratchfs.1");
  const std::size_t begin = manual.find("\n.SS set\n");
  const std::string text = manual.substr(begin, manual.find("\n.TP\n", begin) - begin);
  for (const MountOption& option : mount_options())
    EXPECT_EQ(says(text, " " + std::string(option.name) + "="), option.live) << option.name;
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

std::string code(const std::string& text) {
  return text.empty() || says(text, " ") ? text : "`" + text + "`";
}

// Returns the option's row in the table of README.md.
std::string readme_row(const MountOption& option) {
  std::string name(option.name);
  if (!option.argument.empty()) name += "=" + std::string(option.argument);
  std::string text(option.text);
  if (option.value.words != nullptr) {
    const char* before = ": ";
    for (const std::string_view word : option.value.words()) {
      text += before + code(std::string(word));
      before = ", ";
    }
  }
  std::string usual = code(std::string(option.default_value));
  if (!usual.empty()) usual += " ";
  return "| `" + name + "` | " + usual + "| " + text + " |\n";
}

TEST(Readme, HasTheTableOfMountOptions) {
  std::string table = "| option | default | |\n| --- | --- | --- |\n";
  for (const MountOption& option : mount_options()) table += readme_row(option);
  EXPECT_TRUE(says(source_text("README.md"), "\n" + table + "\n")) << "the table must be:\n"
                                                                   << table;
}

}  // namespace
}  // namespace scratchfs::mount
