#include "mount/process/process_name.h"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace scratchfs::mount {

namespace {

struct Area {
  char* begin = nullptr;
  std::size_t size = 0;
  std::string contents = {};  // the original arguments
  std::array<char, 16> name{};
};

Area& arguments() {
  static Area area;
  return area;
}

}  // namespace

void remember_arguments(int argc, char** argv) {
  if (argc < 1) return;
  char* end = argv[0];
  // Counts the strings that are adjacent in memory, as execve(2) lays them out.
  for (int i = 0; i < argc && argv[i] == end; ++i) end = argv[i] + std::strlen(argv[i]) + 1;
  const auto size = static_cast<std::size_t>(end - argv[0]);
  arguments() = Area{argv[0], size, std::string(argv[0], size)};
  ::prctl(PR_GET_NAME, arguments().name.data(), 0, 0, 0);
}

void name_process(const char* name, const std::string& detail) {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
  const Area& area = arguments();
  if (area.size == 0) return;
  const std::string title = std::string(name) + " " + detail;
  const std::size_t length = std::min(title.size(), area.size - 1);
  std::memset(area.begin, 0, area.size);
  std::memcpy(area.begin, title.data(), length);
}

void restore_name() {
  const Area& area = arguments();
  if (area.size == 0) return;
  ::prctl(PR_SET_NAME, area.name.data(), 0, 0, 0);
  std::memcpy(area.begin, area.contents.data(), area.size);
}

}  // namespace scratchfs::mount
