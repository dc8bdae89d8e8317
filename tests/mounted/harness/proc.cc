#include "tests/mounted/harness/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/mounted/harness/fd.h"

namespace scratchfs::harness {
namespace {

// Decodes \ooo, which mountinfo uses for blanks and backslashes.
std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool parse_mount(const std::string& line, MountEntry& entry) {
  std::istringstream words(line);
  std::string parent, device, root, path, flags, word, super;
  if (!(words >> entry.id >> parent >> device >> root >> path >> flags)) {
    return false;
  }
  while (words >> word && word != "-") {
  }
  words >> entry.type >> entry.source >> super;
  const auto colon = device.find(':');
  entry.device_major = static_cast<unsigned>(std::strtoul(device.c_str(), nullptr, 10));
  entry.device_minor = static_cast<unsigned>(std::strtoul(device.c_str() + colon + 1, nullptr, 10));
  entry.path = unescape(path);
  entry.options = flags + "," + super;
  return true;
}

// Not /sys/fs/fuse/connections: many machines do not mount it.
std::string& control_directory() {
  static std::string directory;
  return directory;
}

std::vector<pid_t> numbers_in(const std::string& directory) {
  std::vector<pid_t> numbers;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) {
    return numbers;
  }
  while (const dirent* entry = readdir(stream)) {
    char* end = nullptr;
    const long number = std::strtol(entry->d_name, &end, 10);
    if (*end == '\0' && number > 0) {
      numbers.push_back(static_cast<pid_t>(number));
    }
  }
  closedir(stream);
  return numbers;
}

std::string proc_file(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Returns the fields of /proc/PID/stat after the command name, starting with the state.
std::vector<std::string> stat_fields(pid_t pid) {
  const std::string text = read_text(proc_file(pid, "stat"));
  const auto close = text.rfind(')');
  std::vector<std::string> fields;
  if (close == std::string::npos) {
    return fields;
  }
  std::istringstream words(text.substr(close + 1));
  std::string word;
  while (words >> word) {
    fields.push_back(word);
  }
  return fields;
}

// Returns the first functions of lines such as "[<0>] futex_do_wait+0x46/0x90".
std::string functions_of(const std::string& stack) {
  std::istringstream lines(stack);
  std::string line;
  std::string text;
  for (int count = 0; count < 6 && std::getline(lines, line); ++count) {
    const auto begin = line.find(' ');
    text += begin == std::string::npos ? "" : line.substr(begin, line.find('+') - begin);
  }
  return text;
}

}  // namespace

std::string read_text(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[8192];
  ssize_t got = 0;
  while (file.valid() && (got = read(file.get(), buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<MountEntry> mounts_below(const std::string& prefix) {
  std::vector<MountEntry> found;
  std::istringstream lines(read_text("/proc/self/mountinfo"));
  std::string line;
  while (std::getline(lines, line)) {
    MountEntry entry;
    if (parse_mount(line, entry) && entry.path.starts_with(prefix)) {
      found.push_back(entry);
    }
  }
  return found;
}

bool is_fuse(const MountEntry& mount) {
  return mount.type == "fuse" || mount.type.starts_with("fuse.");
}

bool mount_fuse_control(const std::string& directory) {
  control_directory() = directory;
  return mount("fusectl", directory.c_str(), "fusectl", MS_NOSUID | MS_NODEV | MS_NOEXEC,
               nullptr) == 0;
}

bool abort_connection(unsigned device_minor) {
  const std::string path = control_directory() + "/" + std::to_string(device_minor) + "/abort";
  Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.valid() && write(file.get(), "1", 1) == 1;
}

int waiting_requests(unsigned device_minor) {
  return std::atoi(
      read_text(control_directory() + "/" + std::to_string(device_minor) + "/waiting").c_str());
}

std::vector<pid_t> processes_naming(const std::string& text) {
  std::vector<pid_t> found;
  for (const pid_t pid : numbers_in("/proc")) {
    if (pid == getpid() || read_text(proc_file(pid, "cmdline")).find(text) == std::string::npos) {
      continue;
    }
    const auto fields = stat_fields(pid);
    if (!fields.empty() && fields[0] != "Z" && fields[0] != "X") {
      found.push_back(pid);
    }
  }
  return found;
}

std::string describe_process(pid_t pid) {
  std::string command = read_text(proc_file(pid, "cmdline"));
  std::replace(command.begin(), command.end(), '\0', ' ');
  const auto fields = stat_fields(pid);
  return std::to_string(pid) + " (" + command + ") " + (fields.empty() ? "gone" : fields[0]);
}

std::string describe_threads(pid_t pid) {
  std::map<std::string, int> alike;
  for (const pid_t thread : numbers_in(proc_file(pid, "task"))) {
    const std::string base = proc_file(pid, "task/") + std::to_string(thread) + "/";
    std::string name = read_text(base + "comm");
    if (!name.empty()) {
      name.pop_back();
    }
    ++alike[name + ":" + functions_of(read_text(base + "stack"))];
  }
  std::string text;
  for (const auto& [thread, count] : alike) {
    text += "  " + std::to_string(count) + " x " + thread + "\n";
  }
  return text;
}

unsigned long long start_time(pid_t pid) {
  const auto fields = stat_fields(pid);
  return fields.size() > 19 ? std::strtoull(fields[19].c_str(), nullptr, 10) : 0;
}

long status_kb(pid_t pid, const std::string& key) {
  std::istringstream lines(read_text(proc_file(pid, "status")));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(key + ":")) {
      return std::strtol(line.c_str() + key.size() + 1, nullptr, 10);
    }
  }
  return -1;
}

}  // namespace scratchfs::harness
