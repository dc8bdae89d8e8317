#include "fs/kernel/session.h"

#include <utility>

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/operations.h"
#include "fs/kernel/metrics/request_rates.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"

namespace scratchfs::kernel {

// Registers the notifier with the tree for the session's lifetime.
class Session::Impl final : public tree::RequestBarrier {
 public:
  Impl(tree::Tree& tree, ControlHandler control, SessionOptions options)
      : parking_(options.max_workers),
        context_{{parking_, counters_, options.spill_timeout},
                 tree,
                 notifier_,
                 ControlFile(std::move(control), options.owner),
                 std::move(options)} {
    tree.set_kernel(&notifier_, this);
  }
  ~Impl() override { context_.tree.set_kernel(nullptr, nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void, base::Failure> connect() {
    auto connection =
        Connection::create(operations(), &context_, parking_, notifier_, context_.options);
    if (!connection) return connection.error();
    connection_ = *std::move(connection);
    return {};
  }

  Connection& connection() { return *connection_; }
  bool all_handled(std::chrono::milliseconds timeout) override {
    return connection_->all_handled(timeout);
  }
  // Checked in this order because a notification causes a FORGET.
  bool all_forgotten(std::chrono::milliseconds timeout) override {
    return notifier_.is_idle() && connection_->all_forgotten(timeout);
  }

  std::vector<Writer> writers() const { return context_.writers.all(); }

  SessionStats stats() const {
    SessionStats stats;
    stats.rings = connection_->rings();
    stats.io_uring = stats.rings > 0;
    stats.ring_depth = stats.io_uring ? context_.options.ring_depth : 0;
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
  Counters counters_;
  Recent recent_{counters_};
  Notifier notifier_;
  Parking parking_;
  Context context_;
  std::unique_ptr<Connection> connection_;  // destroyed before the members it uses
};

base::Result<std::unique_ptr<Session>, base::Failure> Session::create(tree::Tree& tree,
                                                                      ControlHandler control,
                                                                      SessionOptions options) {
  auto impl = std::make_unique<Impl>(tree, std::move(control), std::move(options));
  if (auto connected = impl->connect(); !connected) return connected.error();
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() = default;

base::Result<void, base::Failure> Session::mount(const std::string& mountpoint,
                                                 const base::Descriptor& place) {
  return impl_->connection().mount(mountpoint, place);
}

const mounts::Mount& Session::mounted() const { return impl_->connection().mounted(); }

base::Result<void, base::Failure> Session::serve(const std::function<void()>& ready) {
  return impl_->connection().serve(ready);
}

void Session::stop() { impl_->connection().stop(); }

SessionStats Session::stats() const { return impl_->stats(); }

std::vector<Writer> Session::writers() const { return impl_->writers(); }

}  // namespace scratchfs::kernel
