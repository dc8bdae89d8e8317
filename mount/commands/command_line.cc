#include "mount/commands/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "mount/commands/version.h"
#include "mount/control/live_options.h"
#include "mount/options/mount_options.h"
#include "mount/process/exit_codes.h"

namespace scratchfs::mount {

namespace {

constexpr auto kCommands = std::to_array<std::string_view>(
    {"mount", "umount", "status", "top", "quota", "set", "keep", "unkeep", "run"});
constexpr auto kForAll =
    std::to_array<std::string_view>({"-h", "--help", "--help-all", "-V", "--version"});

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string options_footer() {
  std::string text = "Options for -o (defaults in brackets):\n";
  for (const OptionHelp& option : mount_option_help()) {
    std::string name(option.name);
    if (!option.value.empty()) name += "=" + std::string(option.value);
    text += fmt::format("  {:<28} {}\n", name, option.text);
  }
  return text +
         "and those of mount(8) and fstab(5): noexec, noatime, noauto, nofail, user, x-..., ...";
}

// Replaces CLI11's help format, which cannot show that SOURCE is optional and makes the options too
// wide.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
    return usage_ + "\n";
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

void show_usage(CLI::App& app, std::string usage) {
  app.formatter(std::make_shared<HelpFormatter>(std::move(usage)));
}

struct Commands {
  MountCommand mount;
  UmountCommand umount;
  StatusCommand status;
  TopCommand top;
  std::string top_by = "user";
  std::string top_sort = "writes";
  double top_seconds = 0;  // 0: the default
  QuotaCommand quota;
  SetCommand set;
  KeepCommand keep;
  RunCommand run;
};

CLI::App* add_mount(CLI::App& app, MountCommand& command, std::vector<std::string>& paths) {
  CLI::App* sub =
      app.add_subcommand("mount", "Mount a scratchfs (what is done where no command is named)");
  show_usage(
      *sub,
      "usage: scratchfs [mount] [SOURCE] MOUNTPOINT [-o OPTION[,OPTION...]] [--supervise] [-f] "
      "[-d]");
  sub->add_option("MOUNTPOINT", paths, "a name for df to show, and where to mount")
      ->required()
      ->expected(1, 2)
      ->type_name("[SOURCE] MOUNTPOINT");
  sub->add_option("-o", command.option_lists, "options, see below")
      ->type_name("LIST")
      ->allow_extra_args(false);
  sub->add_flag("--supervise", command.supervise, "the same as -o supervise");
  sub->add_flag("-f,--foreground", command.foreground, "stay in the foreground, log to stderr");
  sub->add_flag("-d,--debug", command.debug, "log every request; implies -f");
  sub->footer(options_footer());
  return sub;
}

CLI::App* add_umount(CLI::App& app, UmountCommand& command) {
  CLI::App* sub = app.add_subcommand("umount", "Unmount, wipe, and wait until that is done");
  show_usage(*sub, "usage: scratchfs umount [--lazy|--dead] MOUNTPOINT");
  sub->add_option("MOUNTPOINT", command.mountpoint, "where it is mounted")
      ->required()
      ->type_name("MOUNTPOINT");
  auto* lazy =
      sub->add_flag("-l,--lazy", command.lazy, "out of sight at once, wiped when no longer in use");
  sub->add_flag("--dead", command.dead, "only if its daemon is gone, and fine if nothing is there")
      ->excludes(lazy);
  return sub;
}

CLI::App* add_status(CLI::App& app, StatusCommand& command) {
  CLI::App* sub = app.add_subcommand("status", "Show how a mount is doing");
  show_usage(*sub, "usage: scratchfs status MOUNTPOINT [--json | --prometheus]");
  sub->add_option("MOUNTPOINT", command.mountpoint, "where it is mounted")
      ->required()
      ->type_name("MOUNTPOINT");
  auto* json = sub->add_flag("--json", command.json, "exact numbers, for programs");
  sub->add_flag("--prometheus", command.prometheus, "the same as metrics, for Prometheus")
      ->excludes(json);
  return sub;
}

// In the order of TopBy and of TopSort.
const std::vector<std::string> kTopBy{"user", "session", "process"};
const std::vector<std::string> kTopSorts{"writes", "bytes", "since", "name"};

// Accepts one of `words`. Has no description, because the help text lists the words itself.
CLI::Validator one_of(const std::vector<std::string>& words) {
  return CLI::IsMember(words).description("");
}

template <typename Enum>
Enum nth_of(const std::vector<std::string>& words, const std::string& word) {
  return static_cast<Enum>(std::ranges::find(words, word) - words.begin());
}

void add_top(CLI::App& app, Commands& commands) {
  TopCommand& command = commands.top;
  CLI::App* sub = app.add_subcommand("top", "Show live who fills a mount, how fast, since when");
  show_usage(*sub,
             "usage: scratchfs top MOUNTPOINT [--by user|session|process] "
             "[--sort writes|bytes|since|name]\n"
             "                                [--seconds N] [--once]");
  sub->add_option("MOUNTPOINT", command.mountpoint, "where it is mounted")
      ->required()
      ->type_name("MOUNTPOINT");
  sub->add_option("--by", commands.top_by, "whose rows: user, session or process (user)")
      ->check(one_of(kTopBy))
      ->type_name("WHO");
  sub->add_option("--sort", commands.top_sort, "by what: writes, bytes, since, name (writes)")
      ->check(one_of(kTopSorts))
      ->type_name("WHAT");
  sub->add_option("--seconds", commands.top_seconds, "between two looks (2; with --once 1)")
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("N");
  sub->add_flag("--once", command.once, "look twice, print the table, and end");
  sub->footer(
      "Keys: u, s, p by user, session, process; r, b, t, n sort by writes, bytes, time, name;\n"
      "arrows and page keys scroll; q ends.");
}

CLI::App* add_quota(CLI::App& app, QuotaCommand& command) {
  CLI::App* sub = app.add_subcommand("quota", "Show who uses how much, or set limits");
  show_usage(*sub,
             "usage: scratchfs quota MOUNTPOINT [--json]\n"
             "       scratchfs quota MOUNTPOINT --user USER|--everyone [--bytes SIZE|none] "
             "[--inodes N|none]\n"
             "       scratchfs quota MOUNTPOINT --user USER --reset");
  sub->add_option("MOUNTPOINT", command.mountpoint, "where it is mounted")
      ->required()
      ->type_name("MOUNTPOINT");
  auto* user = sub->add_option("--user", command.user, "whose limits to set: a name or a number")
                   ->type_name("USER");
  auto* everyone = sub->add_flag("--everyone", command.everyone,
                                 "set the limits of all who have none of their own");
  auto* bytes =
      sub->add_option("--bytes", command.bytes, "a size (512M, 2G), or none")->type_name("SIZE");
  auto* inodes =
      sub->add_option("--inodes", command.inodes, "a number of files, or none")->type_name("N");
  auto* reset = sub->add_flag("--reset", command.reset, "back to the limits of everyone");
  sub->add_flag("--json", command.json, "exact numbers, for programs");
  user->excludes(everyone);
  reset->needs(user)->excludes(bytes)->excludes(inodes);
  return sub;
}

void add_set(CLI::App& app, SetCommand& command) {
  CLI::App* sub = app.add_subcommand("set", "Change options of a mount while it is in use");
  show_usage(*sub, "usage: scratchfs set MOUNTPOINT -o OPTION[,OPTION...]");
  sub->add_option("MOUNTPOINT", command.mountpoint, "where it is mounted")
      ->required()
      ->type_name("MOUNTPOINT");
  sub->add_option("-o", command.option_lists, "what to change, see below")
      ->required()
      ->type_name("LIST")
      ->allow_extra_args(false);
  std::string footer = "Options for -o, to be changed:\n";
  for (const OptionHelp& option : mount_option_help()) {
    if (!is_live_option(option.name)) continue;
    footer += fmt::format("  {:<28} {}\n",
                          std::string(option.name) + "=" + std::string(option.value), option.text);
  }
  sub->footer(footer);
}

void add_keep(CLI::App& app, const std::string& name, KeepCommand& command) {
  const bool keep = name == "keep";
  CLI::App* sub =
      app.add_subcommand(name, keep ? "Keep files and directories, whoever goes, until the unmount"
                                    : "Lift the mark of keep: what nothing else holds goes");
  show_usage(*sub, "usage: scratchfs " + name + " [-P] PATH...");
  sub->add_option("PATH", command.paths, "what to keep; a directory with all that is in it")
      ->required()
      ->type_name("PATH...");
  sub->add_flag("-P,--no-dereference", command.link_itself,
                "of a symbolic link, the link and not what it points to");
}

void add_run(CLI::App& app, RunCommand& command) {
  CLI::App* sub = app.add_subcommand(
      "run", "Run a command with a mount of its own as TMPDIR, wiped at its end");
  show_usage(*sub, "usage: scratchfs run [-o OPTION[,OPTION...]] [--] COMMAND [ARGUMENT...]");
  sub->add_option("-o", command.option_lists, "options, see below")
      ->type_name("LIST")
      ->allow_extra_args(false);
  sub->footer(options_footer() +
              "\nExit codes: the command's; 128 and the signal's number where one killed it;\n"
              "125 no mount, 126 it cannot be started, 127 there is no such command.");
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

// Checks what CLI11 cannot express; returns what is wrong, or an empty string.
std::string check(const QuotaCommand& command) {
  const bool whom = command.user || command.everyone;
  const bool what = command.bytes || command.inodes || command.reset;
  if (what && !whom) return "quota: for whom? add --user USER or --everyone";
  if (whom && !what) return "quota: what is to be set? add --bytes, --inodes or --reset";
  return {};
}

Answered mistake(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return {fmt::format("scratchfs: {}; see scratchfs --help\n", text), kUsage};
}

std::string help_of_everything(const CLI::App& app) {
  std::string text = app.help();
  for (const CLI::App* command : app.get_subcommands({})) {
    text += "\n---- " + command->get_name() + "\n" + command->help();
  }
  return text;
}

TopCommand top_of(const Commands& commands) {
  constexpr double kLive = 2;
  constexpr double kOnce = 1;
  TopCommand command = commands.top;
  command.choice.by = nth_of<TopBy>(kTopBy, commands.top_by);
  command.choice.sort = nth_of<TopSort>(kTopSorts, commands.top_sort);
  const double usual = command.once ? kOnce : kLive;
  const double seconds = commands.top_seconds > 0 ? commands.top_seconds : usual;
  command.interval = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  return command;
}

std::variant<Command, Answered> chosen(const CLI::App& app, Commands commands,
                                       std::vector<std::string> paths) {
  if (app.got_subcommand("umount")) return Command(std::move(commands.umount));
  if (app.got_subcommand("status")) return Command(std::move(commands.status));
  if (app.got_subcommand("top")) return Command(top_of(commands));
  if (app.got_subcommand("quota")) {
    if (const std::string wrong = check(commands.quota); !wrong.empty()) return mistake(wrong);
    return Command(std::move(commands.quota));
  }
  if (app.got_subcommand("set")) return Command(std::move(commands.set));
  for (const bool keep : {true, false}) {
    if (!app.got_subcommand(keep ? "keep" : "unkeep")) continue;
    commands.keep.keep = keep;
    return Command(std::move(commands.keep));
  }
  if (app.got_subcommand("run")) {
    if (commands.run.words.empty()) return mistake("run: what? add -- COMMAND [ARGUMENT...]");
    return Command(std::move(commands.run));
  }
  if (paths.back().empty()) return mistake("the mount point has no name");
  commands.mount.mountpoint = paths.back();
  if (paths.size() > 1) commands.mount.source = paths.front();
  return Command(std::move(commands.mount));
}

}  // namespace

std::variant<Command, Answered> parse_command_line(std::vector<std::string> arguments) {
  if (arguments.empty()) return mistake("what is to be done? usage: scratchfs [mount] MOUNTPOINT");
  const std::string first = arguments.front();
  if (!contains(kCommands, first) && !contains(kForAll, first)) {
    arguments.insert(arguments.begin(), "mount");
  }
  CLI::App app("scratchfs - a file system for what need not last", "scratchfs");
  show_usage(app,
             "usage: scratchfs [mount] [SOURCE] MOUNTPOINT [-o OPTION[,OPTION...]]\n"
             "       scratchfs umount|status|top|quota|set MOUNTPOINT [...]\n"
             "       scratchfs keep|unkeep PATH...\n"
             "       scratchfs run [-o OPTION[,OPTION...]] -- COMMAND [ARGUMENT...]");
  app.get_formatter()->column_width(15);
  app.set_help_flag("-h,--help", "show this, or after a command what that one takes");
  app.set_help_all_flag("--help-all", "show what every command takes");
  app.set_version_flag("-V,--version", version_text,
                       "show the versions, and how to reach the kernel");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 fine, 1 failed, 2 a wrong command line. See man scratchfs.");
  Commands commands;
  if (first == "run") commands.run.words = take_command(arguments);
  std::vector<std::string> paths;
  add_mount(app, commands.mount, paths);
  add_umount(app, commands.umount);
  add_status(app, commands.status);
  add_top(app, commands);
  add_quota(app, commands.quota);
  add_set(app, commands.set);
  add_keep(app, "keep", commands.keep);
  add_keep(app, "unkeep", commands.keep);
  add_run(app, commands.run);
  std::reverse(arguments.begin(), arguments.end());  // CLI::App::parse() expects reverse order
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    return Answered{app.help(), kFine};
  } catch (const CLI::CallForAllHelp&) {
    return Answered{help_of_everything(app), kFine};
  } catch (const CLI::CallForVersion& version) {
    return Answered{std::string(version.what()) + "\n", kFine};
  } catch (const CLI::ParseError& error) {
    return mistake(error.what());
  }
  return chosen(app, std::move(commands), std::move(paths));
}

}  // namespace scratchfs::mount
