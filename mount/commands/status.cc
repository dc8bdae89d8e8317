// `scratchfs status`: shows what a mount does, for a person, as JSON, or for Prometheus.
#include <cstdio>

#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/options/swap.h"
#include "mount/view/prometheus.h"
#include "mount/view/status_view.h"
#include "mount/view/warnings.h"

namespace scratchfs::mount {

int run(const StatusCommand& command) {
  const auto detail =
      command.prometheus ? StatusRequest::Detail::with_histograms : StatusRequest::Detail::numbers;
  auto status = ask_daemon_visibly<Status>(command.mountpoint, StatusRequest{detail});
  if (!status) return complain(status.error());
  status->warnings = warnings_of(*status, plaintext_swap());
  const std::string text = command.prometheus ? show_prometheus(*status)
                           : command.json ? show_reply(status->text, "status", &*status->warnings)
                                          : show_status(*status);
  std::fputs(text.c_str(), stdout);
  return kFine;
}

}  // namespace scratchfs::mount
