#include "fs/lifetime/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/number.h"

namespace scratchfs::lifetime {

namespace {

using base::parse_number;

// Reads the beginning of /proc/PID/FILE. Returns ESRCH if it cannot be read, or an is_lack() error.
base::Result<std::string> read_beginning(pid_t pid, const char* file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  const base::Descriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> text;
  const ssize_t got = opened.valid() ? read(opened.get(), text.data(), text.size()) : -1;
  if (got < 0) {
    const base::Errno error(errno);
    return is_lack(error) ? error : base::Errno(ESRCH);
  }
  return std::string(text.data(), static_cast<std::size_t>(got));
}

std::vector<std::string_view> words_of(std::string_view text, std::size_t most) {
  constexpr std::string_view kBlank = " \t\n";
  std::vector<std::string_view> words;
  while (words.size() < most) {
    const auto begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    words.push_back(text.substr(0, text.find_first_of(kBlank)));
    text.remove_prefix(words.back().size());
  }
  return words;
}

// Returns the rest of the line that begins with `key`.
std::string_view line_of(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return text.substr(0, text.find('\n'));
}

}  // namespace

bool is_lack(base::Errno error) {
  return error == base::Errno(ENOMEM) || error == base::Errno(EMFILE) ||
         error == base::Errno(ENFILE);
}

// proc(5): the command in parentheses may contain anything, so count fields from the last ')'.
base::Result<Process> read_process(pid_t pid) {
  constexpr std::size_t kFields = 20;  // fields[0] is field 3 of proc(5), the state
  const auto text = read_beginning(pid, "stat");
  if (!text) return text.error();
  const auto paren = text->rfind(')');
  if (paren == std::string::npos) return base::Errno(ESRCH);
  const auto fields = words_of(std::string_view(*text).substr(paren + 1), kFields);
  if (fields.size() < kFields) return base::Errno(ESRCH);
  const auto session = parse_number<pid_t>(fields[3]);
  const auto threads = parse_number<long>(fields[17]);
  const auto started = parse_number<std::uint64_t>(fields[19]);
  if (!session || !threads || !started) return base::Errno(ESRCH);
  return Process{pid, fields[0][0], *session, *threads, *started};
}

base::Result<std::array<uid_t, 4>> users_of(pid_t pid) {
  const auto text = read_beginning(pid, "status");
  if (!text) return text.error();
  const auto words = words_of(line_of(*text, "\nUid:"), 4);
  if (words.size() < 4) return base::Errno(ESRCH);
  std::array<uid_t, 4> users{};
  for (std::size_t i = 0; i < users.size(); ++i)
    users[i] = parse_number<uid_t>(words[i]).value_or(0);
  return users;
}

pid_t process_of_thread(pid_t tid) {
  const auto text = read_beginning(tid, "status");
  if (!text) return 0;
  const auto words = words_of(line_of(*text, "\nTgid:"), 1);
  return words.empty() ? 0 : parse_number<pid_t>(words[0]).value_or(0);
}

std::string command_of(pid_t pid) {
  const auto text = read_beginning(pid, "comm");
  std::string command = text ? *text : std::string();
  if (command.ends_with('\n')) command.pop_back();
  std::ranges::replace_if(
      command, [](char c) { return c < ' ' || c > '~'; }, '?');
  return command;
}

// The first process of a pid namespace belongs to its administrator: if it is visible, all are.
bool all_processes_are_shown() { return static_cast<bool>(read_process(1)); }

base::Result<void> for_each_process(const std::function<void(const Process&)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return base::Errno(errno);
  base::Result<void> seen;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): our own stream
  while (const dirent* entry = readdir(proc.get())) {
    const auto pid = parse_number<pid_t>(entry->d_name);
    if (!pid) continue;
    const auto process = read_process(*pid);
    if (process) {
      visit(*process);
    } else if (!process.is(base::Errno(ESRCH))) {
      seen = process.error();
    }
  }
  return seen;
}

}  // namespace scratchfs::lifetime
