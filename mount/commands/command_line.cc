#include "mount/commands/command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>  // slow to compile, so included only here
#include <algorithm>
#include <functional>
#include <utility>

#include "mount/commands/mount_helper.h"
#include "mount/commands/version.h"
#include "mount/options/mount_options.h"
#include "mount/process/exit_codes.h"

namespace scratchfs::mount {

namespace {

// Describes the options for -o, or only those that can be changed on a live mount.
std::string options_footer(bool live_only) {
  std::string text = "Options for -o (defaults in parentheses):\n";
  for (const MountOption& option : mount_options()) {
    if (live_only && !option.live) continue;
    std::string name(option.name);
    if (!option.argument.empty()) name += fmt::format("={}", option.argument);
    text += fmt::format("  {:<28} {}", name, option.text);
    if (option.value.words != nullptr)
      text += fmt::format(": {}", fmt::join(option.value.words(), ", "));
    text += option.default_value.empty() ? "\n" : fmt::format(" ({})\n", option.default_value);
  }
  if (live_only) return text;
  return text +
         "and those of mount(8) and fstab(5): noexec, noatime, noauto, nofail, user, x-..., ...";
}

// Replaces CLI11's help format, which cannot show that SOURCE is optional and makes the options too
// wide.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
    return "usage: scratchfs " + usage_ + "\n";
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    return is_positional ? option->get_type_name() : option->get_name(false, true);
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const bool has_value = !option->get_positional() && option->get_items_expected_max() > 0;
    return has_value ? " " + option->get_type_name() : "";
  }

 private:
  std::string usage_;
};

struct CommandRow {
  const char* name;
  const char* text;
  std::string usage;
  // Completes and returns the command; throws CLI::ValidationError if something is wrong with it.
  std::function<Command()> finish;
};

struct ArgumentRow {
  const char* command;
  const char* names;  // without a dash: a required argument
  const char* value;  // placeholder; empty: a flag
  const char* text;
  std::variant<bool*, double*, std::string*, std::optional<std::string>*, std::vector<std::string>*>
      into;
};

[[noreturn]] void refuse(const std::string& message) { throw CLI::ValidationError(message); }

// In the order of TopBy and of TopSort.
const std::vector<std::string> kTopBy{"user", "session", "process"};
const std::vector<std::string> kTopSorts{"writes", "bytes", "since", "name"};

template <typename Enum>
Enum nth_of(const std::vector<std::string>& words, const std::string& word) {
  return static_cast<Enum>(std::ranges::find(words, word) - words.begin());
}

// Removes the command of `run` and its arguments from the end of `arguments` and returns them, so
// that CLI11 does not take the command's options for ours.
std::vector<std::string> take_command(std::vector<std::string>& arguments) {
  std::size_t at = 1;
  while (at < arguments.size() && arguments[at].starts_with('-') && arguments[at] != "--")
    at += arguments[at] == "-o" ? 2U : 1U;
  at = std::min(at, arguments.size());
  const bool marked = at < arguments.size() && arguments[at] == "--";
  const auto begin = arguments.begin() + static_cast<std::ptrdiff_t>(at);
  std::vector<std::string> words(begin + (marked ? 1 : 0), arguments.end());
  arguments.erase(begin, arguments.end());
  return words;
}

Answered mistake(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return {fmt::format("scratchfs: {}; see scratchfs --help\n", text), kUsage};
}

std::string help_of_everything(const CLI::App& app) {
  std::string text = app.help();
  for (const CLI::App* command : app.get_subcommands({}))
    text += "\n---- " + command->get_name() + "\n" + command->help();
  return text;
}

class Parser {
 public:
  Parser();
  std::variant<Command, Answered> parse(std::vector<std::string> arguments);

 private:
  void add(const CommandRow& row);
  void add(const ArgumentRow& row);
  CLI::Option* option(const char* command, const char* name) {
    return app_.get_subcommand(command)->get_option(name);
  }
  MountCommand finish_mount();
  TopCommand finish_top();
  QuotaCommand finish_quota() const;

  CLI::App app_{"scratchfs - a file system for ephemeral data", "scratchfs"};
  Command chosen_;
  MountCommand mount_;
  std::vector<std::string> mount_paths_;  // [SOURCE] MOUNTPOINT
  UmountCommand umount_;
  StatusCommand status_;
  TopCommand top_;
  std::string top_by_ = "user";
  std::string top_sort_ = "writes";
  double top_seconds_ = 0;  // 0: the default
  QuotaCommand quota_;
  SetCommand set_;
  KeepCommand keep_;
  RunCommand run_;
};

// clang-format off
Parser::Parser() {  // NOLINT(readability-function-size): two tables
  const CommandRow commands[] = {
    {"mount", "Mount a scratchfs (the default command)",
     "[mount] [SOURCE] MOUNTPOINT [-o OPTION[,OPTION...]] [--supervise] [-f] [-d]",
     [this] { return finish_mount(); }},
    {"umount", "Unmount and wipe, and wait until both are done",
     "umount [--lazy|--dead] MOUNTPOINT", [this] { return umount_; }},
    {"status", "Show a summary of a mount",
     "status MOUNTPOINT [--json | --prometheus]", [this] { return status_; }},
    {"top", "Show live who fills a mount, how fast and since when",
     "top MOUNTPOINT [--by user|session|process] [--sort writes|bytes|since|name]\n"
     "                                [--seconds N] [--once]", [this] { return finish_top(); }},
    {"quota", "Show the usage of each user, or set limits",
     "quota MOUNTPOINT [--json]\n"
     "       scratchfs quota MOUNTPOINT --user USER|--everyone [--bytes SIZE|none] "
     "[--inodes N|none]\n"
     "       scratchfs quota MOUNTPOINT --user USER --reset", [this] { return finish_quota(); }},
    {"set", "Change options of a live mount",
     "set MOUNTPOINT -o OPTION[,OPTION...]", [this] { return set_; }},
    {"keep", "Keep files and directories until the unmount",
     "keep [-P] PATH...", [this] { return keep_; }},
    {"unkeep", "Remove keep marks; delete what nothing else holds",
     "unkeep [-P] PATH...", [this] { keep_.keep = false; return keep_; }},
    {"run", "Run a command with a mount of its own as TMPDIR",
     "run [-o OPTION[,OPTION...]] [--] COMMAND [ARGUMENT...]", [this] {
       if (run_.words.empty()) refuse("run: no command is given; add -- COMMAND [ARGUMENT...]");
       return run_;
     }}};
  const char* const where = "where it is mounted";
  const ArgumentRow arguments[] = {
    {"mount", "MOUNTPOINT", "[SOURCE] MOUNTPOINT",
     "a name for df to show; the directory to mount on", &mount_paths_},
    {"mount", "-o", "LIST", "options, see below", &mount_.option_lists},
    {"mount", "--supervise", "", "the same as -o supervise", &mount_.supervise},
    {"mount", "-f,--foreground", "", "stay in the foreground, log to stderr", &mount_.foreground},
    {"mount", "-d,--debug", "", "log every request; implies -f", &mount_.debug},
    {"umount", "MOUNTPOINT", "MOUNTPOINT", where, &umount_.mountpoint},
    {"umount", "-l,--lazy", "", "detach at once; wipe when nobody uses it any more", &umount_.lazy},
    {"umount", "--dead", "", "only detach a mount whose daemon is dead, if any", &umount_.dead},
    {"status", "MOUNTPOINT", "MOUNTPOINT", where, &status_.mountpoint},
    {"status", "--json", "", "exact numbers, for programs", &status_.json},
    {"status", "--prometheus", "", "the same as metrics for Prometheus", &status_.prometheus},
    {"top", "MOUNTPOINT", "MOUNTPOINT", where, &top_.mountpoint},
    {"top", "--by", "WHO", "a row for each user, session or process (user)", &top_by_},
    {"top", "--sort", "WHAT", "order: writes, bytes, since, name (writes)", &top_sort_},
    {"top", "--seconds", "N", "time between two samples (2; with --once 1)", &top_seconds_},
    {"top", "--once", "", "take two samples, print the table and exit", &top_.once},
    {"quota", "MOUNTPOINT", "MOUNTPOINT", where, &quota_.mountpoint},
    {"quota", "--user", "USER", "set limits of this user: a name or a uid", &quota_.user},
    {"quota", "--everyone", "", "set the limits of users without their own", &quota_.everyone},
    {"quota", "--bytes", "SIZE", "a size (512M, 2G), or none", &quota_.bytes},
    {"quota", "--inodes", "N", "a number of files, or none", &quota_.inodes},
    {"quota", "--reset", "", "remove the user's own limits; everyone's apply again", &quota_.reset},
    {"quota", "--json", "", "exact numbers, for programs", &quota_.json},
    {"set", "MOUNTPOINT", "MOUNTPOINT", where, &set_.mountpoint},
    {"set", "-o", "LIST", "options to change, see below", &set_.option_lists},
    {"keep", "PATH", "PATH...", "files, or directories with all that is in them", &keep_.paths},
    {"keep", "-P,--no-dereference", "", "mark a symbolic link, not its target", &keep_.link_itself},
    {"unkeep", "PATH", "PATH...", "files, or directories with all that is in them", &keep_.paths},
    {"unkeep", "-P,--no-dereference", "", "as with keep", &keep_.link_itself},
    {"run", "-o", "LIST", "options, see below", &run_.option_lists}};
  // clang-format on
  app_.formatter(std::make_shared<HelpFormatter>(
      "[mount] [SOURCE] MOUNTPOINT [-o OPTION[,OPTION...]]\n"
      "       scratchfs umount|status|top|quota|set MOUNTPOINT [...]\n"
      "       scratchfs keep|unkeep PATH...\n"
      "       scratchfs run [-o OPTION[,OPTION...]] -- COMMAND [ARGUMENT...]"));
  app_.get_formatter()->column_width(15);
  app_.set_help_flag("-h,--help", "print help, or after a command its help");
  app_.set_help_all_flag("--help-all", "print the help of every command");
  app_.set_version_flag("-V,--version", version_text, "print versions and the transport");
  app_.require_subcommand(1);
  app_.footer("Exit codes: 0 success, 1 failure, 2 invalid command line. See man scratchfs.");
  for (const CommandRow& row : commands) add(row);
  for (const ArgumentRow& row : arguments) add(row);
  option("mount", "MOUNTPOINT")->expected(1, 2);
  option("umount", "--dead")->excludes("--lazy");
  option("status", "--prometheus")->excludes("--json");
  option("top", "--by")->check(CLI::IsMember(kTopBy).description(""));
  option("top", "--sort")->check(CLI::IsMember(kTopSorts).description(""));
  option("top", "--seconds")->check(CLI::Range(0.1, 3600.0).description(""));
  option("quota", "--user")->excludes("--everyone");
  option("quota", "--reset")->needs("--user")->excludes("--bytes")->excludes("--inodes");
  option("set", "-o")->required();
  app_.get_subcommand("mount")->footer(options_footer(false));
  app_.get_subcommand("set")->footer(options_footer(true));
  app_.get_subcommand("top")->footer(
      "Keys: u, s, p show users, sessions, processes; r, b, t, n sort by writes, bytes, time, "
      "name;\n"
      "arrow and page keys scroll; q quits.");
  app_.get_subcommand("run")->footer(
      options_footer(false) +
      "\nExit codes: the command's own; 128 plus the number of the signal that killed it;\n"
      "125 mounting failed, 126 the command could not be started, 127 it was not found.");
}

void Parser::add(const CommandRow& row) {
  CLI::App* sub = app_.add_subcommand(row.name, row.text);
  sub->formatter(std::make_shared<HelpFormatter>(row.usage));
  sub->callback([this, finish = row.finish] { chosen_ = finish(); });
}

void Parser::add(const ArgumentRow& row) {
  CLI::App* sub = app_.get_subcommand(row.command);
  if (auto* const* flag = std::get_if<bool*>(&row.into)) {
    sub->add_flag(row.names, **flag, row.text);
    return;
  }
  const auto add_option = [&](auto* into) { return sub->add_option(row.names, *into, row.text); };
  CLI::Option* option = std::visit(add_option, row.into);
  option->type_name(row.value)->required(row.names[0] != '-');
  if (row.names == std::string_view("-o")) option->allow_extra_args(false);
}

MountCommand Parser::finish_mount() {
  if (mount_paths_.back().empty()) refuse("mount: the name of the mount point is empty");
  mount_.mountpoint = mount_paths_.back();
  if (mount_paths_.size() > 1) mount_.source = mount_paths_.front();
  return mount_;
}

TopCommand Parser::finish_top() {
  top_.choice.by = nth_of<TopBy>(kTopBy, top_by_);
  top_.choice.sort = nth_of<TopSort>(kTopSorts, top_sort_);
  if (top_seconds_ == 0) top_seconds_ = top_.once ? 1 : 2;
  top_.interval = std::chrono::milliseconds(static_cast<std::int64_t>(top_seconds_ * 1000));
  return top_;
}

QuotaCommand Parser::finish_quota() const {
  const bool whom = quota_.user || quota_.everyone;
  const bool what = quota_.bytes || quota_.inodes || quota_.reset;
  if (what && !whom) refuse("quota: no user is named; add --user USER or --everyone");
  if (whom && !what) refuse("quota: no limit is given; add --bytes, --inodes or --reset");
  return quota_;
}

std::variant<Command, Answered> Parser::parse(std::vector<std::string> arguments) {
  if (arguments.empty()) return mistake("a mount point or a command is missing");
  const std::string first = arguments.front();
  const auto is_first = [&](const CLI::App* command) { return command->get_name() == first; };
  if (std::ranges::none_of(app_.get_subcommands({}), is_first) &&
      app_.get_option_no_throw(first) == nullptr)
    arguments.insert(arguments.begin(), "mount");
  if (first == "run") run_.words = take_command(arguments);
  std::ranges::reverse(arguments);  // CLI::App::parse() expects reverse order
  try {
    app_.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Answered{app_.help(), kFine};
  } catch (const CLI::CallForAllHelp&) {
    return Answered{help_of_everything(app_), kFine};
  } catch (const CLI::CallForVersion& version) {
    return Answered{std::string(version.what()) + "\n", kFine};
  } catch (const CLI::ParseError& error) {
    return mistake(error.what());
  }
  return std::move(chosen_);
}

}  // namespace

std::variant<Command, Answered> parse_command_line(std::vector<std::string> arguments) {
  return Parser().parse(std::move(arguments));
}

std::variant<Command, Answered> parse_program(std::vector<std::string> arguments) {
  const std::string program = arguments.empty() ? "" : arguments.front();
  if (!arguments.empty()) arguments.erase(arguments.begin());
  if (!is_mount_helper(program)) return parse_command_line(std::move(arguments));
  auto words = arguments_from_mount(arguments);
  if (auto* answered = std::get_if<Answered>(&words)) return std::move(*answered);
  return parse_command_line(std::move(*std::get_if<std::vector<std::string>>(&words)));
}

}  // namespace scratchfs::mount
