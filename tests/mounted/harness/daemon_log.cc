#include "tests/mounted/harness/daemon_log.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

bool suspicious(const std::string& line) {
  static const std::regex words(
      "error|warn|critical|fatal|panic|sanitizer|assert|terminate "
      "called|corrupt|unexpected|drift|leak|failed|"
      "cannot|can't|invalid|bug\\b|^fuse:",
      std::regex::icase | std::regex::optimize);
  // A user near a limit is no fault of the daemon.
  return line.find(": quota: uid ") == std::string::npos && std::regex_search(line, words);
}

constexpr const char* kSwapWarning = "swap is on and not encrypted";

std::string with_log_path(const char* variable, const std::string& directory) {
  const char* before = std::getenv(variable);
  return std::string(variable) + "=" + (before == nullptr ? "" : std::string(before) + ":") +
         "log_path=" + directory + "/sanitizer";
}

}  // namespace

std::vector<std::string> suspicious_lines(const std::string& log,
                                          const std::vector<std::string>& tolerated) {
  std::vector<std::string> found;
  std::istringstream lines(without_swap_warning(log));
  std::string line;
  while (std::getline(lines, line)) {
    const bool expected =
        std::any_of(tolerated.begin(), tolerated.end(),
                    [&](const std::string& text) { return line.find(text) != std::string::npos; });
    if (!expected && suspicious(line)) {
      found.push_back(line);
    }
  }
  return found;
}

std::string without_swap_warning(const std::string& text) {
  std::string rest;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(kSwapWarning) == std::string::npos) rest += line + "\n";
  }
  return rest;
}

std::vector<std::string> sanitizer_environment(const std::string& directory) {
  return {with_log_path("ASAN_OPTIONS", directory), with_log_path("UBSAN_OPTIONS", directory),
          with_log_path("TSAN_OPTIONS", directory), with_log_path("LSAN_OPTIONS", directory)};
}

std::string reports_in(const std::string& directory) {
  std::string reports;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("sanitizer")) {
      reports += read_text(entry.path());
    }
  }
  return reports;
}

}  // namespace scratchfs::harness
