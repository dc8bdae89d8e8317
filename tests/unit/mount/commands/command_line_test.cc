#include "mount/commands/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "mount/options/mount_options.h"
#include "mount/process/exit_codes.h"

namespace scratchfs::mount {
namespace {

using Arguments = std::vector<std::string>;

template <typename Kind>
Kind parsed_as(const Arguments& arguments) {
  const auto parsed = parse_command_line(arguments);
  if (const auto* answered = std::get_if<Answered>(&parsed)) {
    ADD_FAILURE() << answered->text;
    return {};
  }
  const auto* kind = std::get_if<Kind>(std::get_if<Command>(&parsed));
  EXPECT_NE(kind, nullptr) << "another command";
  return kind == nullptr ? Kind{} : *kind;
}

Answered answered(const Arguments& arguments) {
  const auto parsed = parse_command_line(arguments);
  const auto* answer = std::get_if<Answered>(&parsed);
  EXPECT_NE(answer, nullptr) << "was taken for a command";
  return answer == nullptr ? Answered{"", -1} : *answer;
}

// Expects an error: one line that starts with the program's name, and exit code 2.
void expect_mistake(const Arguments& arguments) {
  const Answered answer = answered(arguments);
  EXPECT_EQ(answer.exit_code, kUsage) << answer.text;
  EXPECT_TRUE(answer.text.starts_with("scratchfs: ")) << answer.text;
  EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 1) << answer.text;
}

TEST(CommandLine, MountsWhereOnlyAPathIsGiven) {
  const auto command = parsed_as<MountCommand>({"/scratch"});
  EXPECT_EQ(command.mountpoint, "/scratch");
  EXPECT_FALSE(command.source);
  EXPECT_FALSE(command.foreground);
  EXPECT_FALSE(command.debug);
  EXPECT_FALSE(command.supervise);
  EXPECT_TRUE(command.option_lists.empty());
}

TEST(CommandLine, ChangesOptionsOfAMount) {
  const auto command =
      parsed_as<SetCommand>({"set", "/scratch", "-o", "memory=1G", "-o", "quota=2G"});
  EXPECT_EQ(command.mountpoint, "/scratch");
  EXPECT_EQ(command.option_lists, (Arguments{"memory=1G", "quota=2G"}));
  expect_mistake({"set", "/scratch"});
  expect_mistake({"set", "-o", "memory=1G"});
  EXPECT_NE(answered({"set", "--help"}).text.find("memory=SIZE"), std::string::npos);
  EXPECT_EQ(answered({"set", "--help"}).text.find("spill_dir"), std::string::npos);
}

TEST(CommandLine, TakesWhatMountFuseCallsItWith) {
  const auto command =
      parsed_as<MountCommand>({"none", "/mnt/my scratch", "-o", "rw,dev,suid,memory=1G"});
  EXPECT_EQ(command.source, "none");
  EXPECT_EQ(command.mountpoint, "/mnt/my scratch");
  EXPECT_EQ(command.option_lists, Arguments{"rw,dev,suid,memory=1G"});
}

TEST(CommandLine, TakesOptionsBeforeBetweenAndAfterThePaths) {
  const auto command = parsed_as<MountCommand>(
      {"-f", "-omemory=1G", "src", "-o", "quota=1G", "--supervise", "/scratch", "-d"});
  EXPECT_EQ(command.source, "src");
  EXPECT_EQ(command.mountpoint, "/scratch");
  EXPECT_EQ(command.option_lists, (Arguments{"memory=1G", "quota=1G"}));
  EXPECT_TRUE(command.foreground);
  EXPECT_TRUE(command.debug);
  EXPECT_TRUE(command.supervise);
}

TEST(CommandLine, TakesThePathsAfterTheWordMountAndAfterTwoDashes) {
  EXPECT_EQ(parsed_as<MountCommand>({"mount", "/scratch"}).mountpoint, "/scratch");
  EXPECT_EQ(parsed_as<MountCommand>({"mount", "--", "-odd"}).mountpoint, "-odd");
  EXPECT_EQ(parsed_as<MountCommand>({"mount", "status"}).mountpoint, "status");
}

TEST(CommandLine, KnowsTheOtherCommands) {
  EXPECT_EQ(parsed_as<UmountCommand>({"umount", "/s"}).mountpoint, "/s");
  EXPECT_TRUE(parsed_as<UmountCommand>({"umount", "-l", "/s"}).lazy);
  EXPECT_EQ(parsed_as<StatusCommand>({"status", "/s"}).mountpoint, "/s");
  EXPECT_TRUE(parsed_as<StatusCommand>({"status", "/s", "--json"}).json);
  EXPECT_FALSE(parsed_as<QuotaCommand>({"quota", "/s"}).user);
}

TEST(CommandLine, TakesNewLimitsForAUserOrForEveryone) {
  const auto one = parsed_as<QuotaCommand>(
      {"quota", "/s", "--user", "alice", "--bytes", "2G", "--inodes", "none"});
  EXPECT_EQ(one.user, "alice");
  EXPECT_EQ(one.bytes, "2G");
  EXPECT_EQ(one.inodes, "none");
  EXPECT_TRUE(parsed_as<QuotaCommand>({"quota", "/s", "--everyone", "--bytes", "1G"}).everyone);
  EXPECT_TRUE(parsed_as<QuotaCommand>({"quota", "/s", "--user", "7", "--reset"}).reset);
}

TEST(CommandLine, RefusesWhatMakesNoSenseInOneLine) {
  expect_mistake({});
  expect_mistake({"mount"});
  expect_mistake({""});
  expect_mistake({"/a", "/b", "/c"});
  expect_mistake({"--frobnicate", "/scratch"});
  expect_mistake({"/scratch", "-o"});
  expect_mistake({"/scratch", "-q"});
  expect_mistake({"umount"});
  expect_mistake({"umount", "/a", "/b"});
  expect_mistake({"status"});
  expect_mistake({"status", "/s", "--prom"});
  expect_mistake({"quota"});
  expect_mistake({"quota", "/s", "--bytes", "2G"});
  expect_mistake({"quota", "/s", "--user", "alice"});
  expect_mistake({"quota", "/s", "--everyone"});
  expect_mistake({"quota", "/s", "--user", "alice", "--everyone", "--bytes", "1G"});
  expect_mistake({"quota", "/s", "--user", "alice", "--reset", "--bytes", "1G"});
  expect_mistake({"quota", "/s", "--everyone", "--reset"});
}

TEST(CommandLine, AnswersForHelpAndVersion) {
  for (const Arguments& arguments : {Arguments{"--help"}, Arguments{"-h"},
                                     Arguments{"mount", "--help"}, Arguments{"quota", "-h"}}) {
    const Answered answer = answered(arguments);
    EXPECT_EQ(answer.exit_code, kFine);
    EXPECT_NE(answer.text.find("usage: scratchfs"), std::string::npos) << answer.text;
  }
  EXPECT_TRUE(answered({"--version"}).text.starts_with("scratchfs "));
  EXPECT_TRUE(answered({"-V"}).text.starts_with("scratchfs "));
}

TEST(CommandLine, VersionNamesLibfuseAndTheWayToTheKernel) {
  const std::string text = answered({"--version"}).text;
  EXPECT_NE(text.find("\nlibfuse 3."), std::string::npos) << text;
  EXPECT_NE(text.find("\nLinux "), std::string::npos) << text;
  EXPECT_TRUE(text.find(": FUSE over io_uring\n") != std::string::npos ||
              text.find(": /dev/fuse (") != std::string::npos)
      << text;
}

TEST(CommandLine, HelpFitsAScreen) {
  std::istringstream text(answered({"--help"}).text);
  int lines = 0;
  for (std::string line; std::getline(text, line); ++lines) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_LE(lines, 24);
}

TEST(CommandLine, HelpAllHoldsTheHelpOfEveryCommand) {
  const std::string all = answered({"--help-all"}).text;
  EXPECT_TRUE(all.starts_with(answered({"--help"}).text));
  for (const char* command : {"mount", "umount", "status", "quota", "keep", "unkeep", "run"}) {
    EXPECT_NE(all.find(answered({command, "--help"}).text), std::string::npos) << command;
  }
}

TEST(CommandLine, HelpForMountListsEveryOption) {
  const std::string text = answered({"mount", "--help"}).text;
  for (const MountOption& option : mount_options()) {
    EXPECT_NE(text.find("  " + std::string(option.name)), std::string::npos) << option.name;
  }
}

TEST(CommandLine, HelpFitsATerminal) {
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"mount", "--help"}, Arguments{"umount", "--help"},
        Arguments{"status", "--help"}, Arguments{"quota", "--help"}}) {
    const std::string text = answered(arguments).text;
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40) << text;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', begin)) {
      EXPECT_LE(end - begin, 100U) << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(CommandLine, KeepsAndLetsGoOfAsManyPathsAsThereAre) {
  const auto keep = parsed_as<KeepCommand>({"keep", "/scratch/a", "b"});
  EXPECT_TRUE(keep.keep);
  EXPECT_EQ(keep.paths, (Arguments{"/scratch/a", "b"}));
  EXPECT_FALSE(keep.link_itself);
  const auto unkeep = parsed_as<KeepCommand>({"unkeep", "-P", "a"});
  EXPECT_FALSE(unkeep.keep);
  EXPECT_TRUE(unkeep.link_itself);
  expect_mistake({"keep"});
  expect_mistake({"unkeep", "--no-such", "a"});
}

TEST(CommandLine, RunsWhatComesAfterItsOwnOptions) {
  const auto plain = parsed_as<RunCommand>({"run", "make", "-j", "-o", "x"});
  EXPECT_EQ(plain.words, (Arguments{"make", "-j", "-o", "x"}));
  EXPECT_TRUE(plain.option_lists.empty());
  const auto marked = parsed_as<RunCommand>({"run", "-o", "memory=1G", "-ospill=0", "--", "-x"});
  EXPECT_EQ(marked.words, Arguments{"-x"});
  EXPECT_EQ(marked.option_lists, (Arguments{"memory=1G", "spill=0"}));
  const auto twice = parsed_as<RunCommand>({"run", "--", "env", "--", "true"});
  EXPECT_EQ(twice.words, (Arguments{"env", "--", "true"}));
  expect_mistake({"run"});
  expect_mistake({"run", "--"});
  expect_mistake({"run", "-o"});
  expect_mistake({"run", "-o", "memory=1G"});
  expect_mistake({"run", "--no-such", "true"});
  EXPECT_EQ(answered({"run", "--help"}).exit_code, kFine);
}

}  // namespace
}  // namespace scratchfs::mount
