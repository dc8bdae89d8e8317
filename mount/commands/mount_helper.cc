#include "mount/commands/mount_helper.h"

#include <cstddef>
#include <utility>

#include "mount/process/exit_codes.h"

namespace scratchfs::mount {

namespace {

constexpr std::string_view kTakesNothing = "sfnv";
constexpr std::string_view kTakesArgument = "oNt";

Answered helper_mistake(const std::string& what) {
  return {"scratchfs: mount.fuse.scratchfs: " + what +
              "; this helper is for mount(8); to mount by hand, use scratchfs mount\n",
          kUsage};
}

}  // namespace

bool is_mount_helper(std::string_view program) {
  const std::size_t slash = program.rfind('/');
  return program.substr(slash == std::string_view::npos ? 0 : slash + 1).starts_with("mount.");
}

std::variant<std::vector<std::string>, Answered> arguments_from_mount(
    const std::vector<std::string>& arguments) {
  std::vector<std::string> result{"mount"};
  std::vector<std::string> paths;
  bool fake = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      paths.push_back(argument);
      continue;
    }
    for (std::size_t at = 1; at < argument.size(); ++at) {
      const char flag = argument[at];
      if (kTakesNothing.find(flag) != std::string_view::npos) {
        fake = fake || flag == 'f';
        continue;
      }
      if (kTakesArgument.find(flag) == std::string_view::npos)
        return helper_mistake("-" + std::string(1, flag) + ": unknown flag");
      std::string word = argument.substr(at + 1);
      if (word.empty() && ++i == arguments.size())
        return helper_mistake("-" + std::string(1, flag) + ": needs an argument");
      if (word.empty()) word = arguments[i];
      if (flag == 'N')
        return helper_mistake("-N: cannot mount in another namespace; use nsenter(1)");
      if (flag == 'o') result.insert(result.end(), {"-o", word});
      break;
    }
  }
  if (paths.size() != 2) return helper_mistake("needs a source and a mount point");
  if (fake) return Answered{"", kFine};
  // After `--`, so that no path is taken for an option.
  result.insert(result.end(), {"--", paths[0], paths[1]});
  return result;
}

}  // namespace scratchfs::mount
