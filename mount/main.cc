#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "mount/commands/command_line.h"
#include "mount/process/exit_codes.h"
#include "mount/process/process_name.h"

int main(int argc, char** argv) {
  namespace mount = scratchfs::mount;
  mount::remember_arguments(argc, argv);
  const auto parsed = mount::parse_program(std::vector<std::string>(argv, argv + argc));
  if (const auto* answered = std::get_if<mount::Answered>(&parsed)) {
    std::fputs(answered->text.c_str(), answered->exit_code == mount::kFine ? stdout : stderr);
    return answered->exit_code;
  }
  return std::visit([](const auto& command) { return mount::run(command); },
                    std::get<mount::Command>(parsed));
}
