#include "mount/process/privileges.h"

#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "fs/base/log.h"
#include "fs/lifetime/processes.h"

namespace scratchfs::mount {

namespace {

struct Freed {
  void operator()(cap_t state) const { cap_free(state); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, Freed>;

bool holds(const Capabilities& state, cap_value_t value, cap_flag_t set) {
  cap_flag_value_t held = CAP_CLEAR;
  return state && cap_get_flag(state.get(), value, set, &held) == 0 && held == CAP_SET;
}

enum class Drop : bool { for_now, for_good };

void tell(const char* what) { log::info("{}: {}", what, strerrordesc_np(errno)); }

bool unchanged() {
  tell("capabilities stay as they are");
  return false;
}

// Drops every capability that is not in `kept`. Returns false, and logs why, if nothing changed.
bool keep_only(const std::vector<cap_value_t>& kept, Drop drop) {
  const Capabilities before(cap_get_proc());
  const Capabilities after(cap_get_proc());
  if (!before || !after) return unchanged();
  const auto set = [&](cap_flag_t flag, cap_value_t value, bool held) {
    cap_set_flag(after.get(), flag, 1, &value, held ? CAP_SET : CAP_CLEAR);
  };
  for (cap_value_t value = 0; value < cap_max_bits(); ++value) {
    const bool keep =
        holds(before, value, CAP_PERMITTED) && std::ranges::find(kept, value) != kept.end();
    set(CAP_EFFECTIVE, value, keep);
    if (drop == Drop::for_now) continue;
    set(CAP_PERMITTED, value, keep);
    set(CAP_INHERITABLE, value, false);
  }
  return cap_set_proc(after.get()) == 0 || unchanged();
}

std::string names_of(const std::vector<cap_value_t>& values) {
  std::string names;
  for (const cap_value_t value : values) {
    char* const name = cap_to_name(value);
    if (name == nullptr) continue;
    names += (names.empty() ? "" : ", ") + std::string(name);
    cap_free(name);
  }
  return names;
}

}  // namespace

bool needs_no_helper() {
  return ::geteuid() == 0 && holds(Capabilities(cap_get_proc()), CAP_SYS_ADMIN, CAP_EFFECTIVE);
}

void give_up_privileges(const Duties& duties) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) tell("no_new_privs");
  std::vector<cap_value_t> kept{CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH};
  if (duties.lock_memory) kept.push_back(CAP_IPC_LOCK);
  if (!keep_only(kept, Drop::for_now)) return;
  // Some systems need more: try without these capabilities, and keep those that turn out to be
  // needed.
  if (!lifetime::all_processes_are_shown()) kept.push_back(CAP_SYS_PTRACE);
  if (duties.spill_directory != nullptr && !duties.spill_directory->create_hidden())
    kept.push_back(CAP_DAC_OVERRIDE);
  if (keep_only(kept, Drop::for_good)) log::debug("capabilities: {}", names_of(kept));
}

}  // namespace scratchfs::mount
