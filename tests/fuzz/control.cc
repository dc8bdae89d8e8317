// Both ends of the control file: the daemon gets any request, the commands get any reply.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "mount/control/protocol.h"
#include "mount/control/server.h"
#include "mount/view/prometheus.h"
#include "mount/view/status_view.h"
#include "mount/view/top_view.h"
#include "mount/view/user_table.h"
#include "mount/view/warnings.h"
#include "tests/fuzz/bytes.h"

using scratchfs::fuzz::must;

namespace {

using namespace scratchfs;

mount::Gauges gauges() {
  return {.store = [] { return store::StoreStats{}; },
          .tree = [] { return tree::TreeStats{}; },
          .census = [] { return tree::Census{}; },
          .session = [] { return kernel::SessionStats{}; },
          .writers = [] { return std::vector<kernel::Writer>{}; },
          .spill_free = [] { return std::nullopt; }};
}

mount::Levers levers() {
  return {.set_memory = [](std::uint64_t) { return base::Result<void>(); },
          .set_spill = [](std::uint64_t) { return base::Result<void>(); },
          .machine = [] { return mount::Machine{}; }};
}

void ask(const std::string& text, uid_t caller) {
  constexpr uid_t kOwner = 1000;
  quota::Ledger ledger{quota::Ledger::Options{}};
  mount::Status facts;
  facts.owner = kOwner;
  mount::ControlServer server(facts, gauges(), levers(), ledger, {});
  const std::string reply = server.answer({.text = text, .uid = caller});
  must(nlohmann::json::parse(reply).contains("version"));
  must(caller == 0 || caller == kOwner || ledger.table().empty());  // who may not, changed nothing
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const auto caller = static_cast<uid_t>(bytes.take<std::uint8_t>() % 3 * 1000);
  const std::string text = bytes.all();

  ask(text, caller);
  if (const auto request = mount::read_request(text)) {
    const auto again = mount::read_request(mount::write_request(*request));
    must(again && again->index() == request->index());
  }
  if (const auto status = mount::read_reply<mount::Status>(text)) {
    mount::show_status(*status);
    mount::show_prometheus(*status);
    const auto warnings = mount::warnings_of(*status, {});
    mount::show_reply(text, "status", &warnings);
  }
  if (const auto top = mount::read_reply<mount::Top>(text)) {
    const mount::TopPage page = mount::top_page(*top, *top, {});
    must(mount::lay_out(page, {}, 80, 24).size() <= 24);
  }
  if (const auto quota = mount::read_reply<mount::Quota>(text)) {
    mount::show_users(quota->users);
    mount::show_reply(text, "quota");
  }
  return 0;
}
