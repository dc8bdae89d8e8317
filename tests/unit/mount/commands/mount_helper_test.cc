// The calling convention of mount(8) for its helpers:
// SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE].
#include "mount/commands/mount_helper.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace scratchfs::mount {
namespace {

using Arguments = std::vector<std::string>;

MountCommand mounted_by(Arguments arguments) {
  arguments.insert(arguments.begin(), "/sbin/mount.fuse.scratchfs");
  const auto parsed = parse_program(std::move(arguments));
  if (const auto* answered = std::get_if<Answered>(&parsed)) {
    ADD_FAILURE() << answered->text;
    return {};
  }
  const auto* command = std::get_if<MountCommand>(std::get_if<Command>(&parsed));
  return command == nullptr ? MountCommand{} : *command;
}

Answered helper_answered(Arguments arguments) {
  arguments.insert(arguments.begin(), "mount.fuse.scratchfs");
  const auto parsed = parse_program(std::move(arguments));
  const auto* answer = std::get_if<Answered>(&parsed);
  EXPECT_NE(answer, nullptr) << "was taken for a command";
  return answer == nullptr ? Answered{"", -1} : *answer;
}

TEST(MountHelper, IsKnownByItsName) {
  for (const char* name : {"mount.fuse.scratchfs", "/sbin/mount.fuse.scratchfs", "mount.scratchfs"})
    EXPECT_TRUE(is_mount_helper(name)) << name;
  for (const char* name : {"scratchfs", "/usr/bin/scratchfs", "", "/sbin/mount.d/scratchfs"})
    EXPECT_FALSE(is_mount_helper(name)) << name;
}

TEST(MountHelper, MountsAsMountAsksFor) {
  const auto command = mounted_by({"none", "/mnt/a b", "-o", "rw,noexec,memory=1G"});
  EXPECT_EQ(command.source, "none");
  EXPECT_EQ(command.mountpoint, "/mnt/a b");
  EXPECT_EQ(command.option_lists, Arguments{"rw,noexec,memory=1G"});
  EXPECT_FALSE(command.foreground);
}

TEST(MountHelper, PassesOverWhatIsMountsOwn) {
  const auto command = mounted_by({"job", "/scratch", "-snv", "-t", "fuse.scratchfs", "-orw"});
  EXPECT_EQ(command.mountpoint, "/scratch");
  EXPECT_EQ(command.option_lists, Arguments{"rw"});
  EXPECT_FALSE(command.foreground);
  EXPECT_FALSE(command.debug);
}

TEST(MountHelper, TakesPathsThatLookLikeOptionsForPaths) {
  const auto command = mounted_by({"-", "/scratch"});
  EXPECT_EQ(command.source, "-");
}

TEST(MountHelper, DoesNothingWhereMountOnlyPretends) {
  const Answered answer = helper_answered({"none", "/scratch", "-f", "-o", "rw"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.text, "");
}

TEST(MountHelper, RefusesWhatItCannotDoInOneLine) {
  for (const Arguments& arguments :
       {Arguments{}, Arguments{"/scratch"}, Arguments{"a", "b", "c"}, Arguments{"a", "/b", "-x"},
        Arguments{"a", "/b", "-o"}, Arguments{"a", "/b", "-N", "/proc/1/ns/mnt"}}) {
    const Answered answer = helper_answered(arguments);
    EXPECT_EQ(answer.exit_code, 2);
    EXPECT_TRUE(answer.text.starts_with("scratchfs: ")) << answer.text;
    EXPECT_EQ(answer.text.find('\n'), answer.text.size() - 1) << answer.text;
  }
}

}  // namespace
}  // namespace scratchfs::mount
