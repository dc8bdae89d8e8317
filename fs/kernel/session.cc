#include "fs/kernel/session.h"

#include <utility>

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/operations.h"
#include "fs/kernel/metrics/request_rates.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"

namespace scratchfs::kernel {

namespace {

// Registers the notifier with the tree for its lifetime.
class ConnectedSession final : public Session, public tree::RequestBarrier {
 public:
  ConnectedSession(tree::Tree& tree, ControlHandler control, SessionOptions options)
      : options_(std::move(options)),
        parking_(options_.max_workers),
        context_{{parking_, counters_, options_.spill_timeout},
                 tree,
                 ControlFile(std::move(control), options_.owner)} {
    tree.set_kernel(&notifier_, this);
  }
  ~ConnectedSession() override { context_.tree.set_kernel(nullptr, nullptr); }

  base::Result<void, base::Failure> connect() {
    auto connection = Connection::create(operations(), &context_, parking_, notifier_, options_);
    if (!connection) return connection.error();
    connection_ = *std::move(connection);
    return {};
  }

  base::Result<void, base::Failure> mount(const std::string& mountpoint,
                                          const base::Descriptor& directory) override {
    return connection_->mount(mountpoint, directory);
  }
  const mounts::Mount& mounted() const override { return connection_->mounted(); }
  base::Result<void, base::Failure> serve(const std::function<void()>& ready) override {
    return connection_->serve(ready);
  }
  void stop() override { connection_->stop(); }

  bool all_handled(std::chrono::milliseconds timeout) override {
    return connection_->all_handled(timeout);
  }
  // Checked in this order because a notification causes a FORGET.
  bool all_forgotten(std::chrono::milliseconds timeout) override {
    return notifier_.is_idle() && connection_->all_forgotten(timeout);
  }

  std::vector<Writer> writers() const override { return context_.writers.all(); }

  SessionStats stats() const override {
    SessionStats stats;
    stats.rings = connection_->rings();
    stats.io_uring = stats.rings > 0;
    stats.ring_depth = stats.io_uring ? options_.ring_depth : 0;
    stats.ring_bytes = std::uint64_t{stats.rings} * stats.ring_depth * kMaxWrite;
    stats.parked = parking_.parked();
    stats.parked_total = parking_.parked_total();
    const RecentRequests recent = recent_.requests();
    const RequestTotals totals = counters_.totals();
    for (std::size_t i = 0; i < kOpcodeNames.size(); ++i) {
      if (totals[i].count() == 0) continue;
      stats.requests.push_back({std::string(kOpcodeNames[i]), totals[i], recent.totals[i]});
    }
    stats.recent_span = recent.span;
    return stats;
  }

 private:
  const SessionOptions options_;
  Counters counters_;
  Recent recent_{counters_};
  Notifier notifier_;
  Parking parking_;
  Context context_;
  std::unique_ptr<Connection> connection_;  // destroyed before the members it uses
};

}  // namespace

base::Result<std::unique_ptr<Session>, base::Failure> Session::create(tree::Tree& tree,
                                                                      ControlHandler control,
                                                                      SessionOptions options) {
  auto session = std::make_unique<ConnectedSession>(tree, std::move(control), std::move(options));
  if (auto connected = session->connect(); !connected) return connected.error();
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace scratchfs::kernel
