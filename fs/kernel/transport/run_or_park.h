// Runs a handler's operation: at once if it can, parked if it would block. Handlers call it through
// on_handle(), on_inode() and the like (handlers/call.h), which find the objects it works on.
#pragma once

#include <cassert>
#include <chrono>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "fs/base/deadline.h"
#include "fs/base/result.h"
#include "fs/kernel/metrics/counters.h"
#include "fs/kernel/transport/options.h"
#include "fs/kernel/transport/parking.h"
#include "fs/kernel/transport/request.h"

namespace scratchfs::kernel {

// What run_or_park() needs of the handlers' context.
struct Transport {
  Parking& parking;
  Counters& counters;
  std::chrono::milliseconds spill_timeout = kSpillTimeout;
};

// The data of a WRITE.
struct WriteData {
  std::span<const std::byte> bytes;
  bool whole = false;  // must not be cut short
};

namespace detail {

// Keeps an argument alive while its operation is parked. Names are copied, because libfuse reuses
// its buffer once the handler has returned.
template <typename Argument>
class Parked {
 public:
  Parked(const Argument& argument, bool /*on_ring*/, ParkedBytes& /*all*/) : argument_(argument) {}
  const Argument& get() const { return argument_; }

 private:
  Argument argument_;
};
template <>
class Parked<std::string_view> {
 public:
  Parked(std::string_view argument, bool /*on_ring*/, ParkedBytes& /*all*/) : copy_(argument) {}
  std::string_view get() const { return copy_; }

 private:
  std::string copy_;
};
// A ring entry's payload stays unchanged until the reply, so its data is not copied.
template <>
class Parked<WriteData> {
 public:
  Parked(const WriteData& argument, bool on_ring, ParkedBytes& all)
      : share_(on_ring ? ParkedShare() : take(argument, all)), data_(argument) {
    if (on_ring) return;
    const auto kept = argument.bytes.first(share_.bytes());
    copy_.assign(kept.begin(), kept.end());
    data_.bytes = copy_;
  }
  Parked(Parked&& other) noexcept =
      default;  // a moved vector keeps its memory, so data_ stays valid
  Parked& operator=(Parked&&) = delete;
  const WriteData& get() const { return data_; }

 private:
  static ParkedShare take(const WriteData& data, ParkedBytes& all) {
    const std::size_t bytes = all.take(data.bytes.size(), data.whole);
    if (bytes == 0 && !data.bytes.empty()) throw std::bad_alloc();
    return {all, bytes};
  }
  ParkedShare share_;
  std::vector<std::byte> copy_;
  WriteData data_;
};

void log_exception(const Request& request, const char* what);
void log_late(const Request& request);
Parking::Lane lane_of(const Request& request);
// Returns the time limit for a parked request. Only ring requests have one, because each occupies
// an entry.
base::CancellableDeadline::Clock::duration allowance_of(const Request& request,
                                                        std::chrono::milliseconds spill_timeout);

// Runs `op` and converts exceptions to errors: nothing may be thrown through libfuse.
template <typename Op, typename... Arguments>
auto attempt(Request& request, base::Wait wait, Op& op, const Arguments&... arguments)
    -> decltype(op(request, wait, arguments...)) {
  try {
    return op(request, wait, arguments...);
  } catch (const std::bad_alloc&) {
    return base::Errno(ENOMEM);
  } catch (const std::exception& exception) {
    log_exception(request, exception.what());
    return base::Errno(EIO);
  }
}

// Answers with a result or an error, and counts the request: first, because the caller may read the
// counters as soon as it has the reply.
void finish(Counters& counters, Request& request, const auto& result) {
  counters.note(request.opcode(), request.age());
  request.answer(result);
}

template <typename Op, typename... Arguments>
class ParkedOp final : public Parking::Task {
 public:
  // Throws bad_alloc before it takes over the request.
  ParkedOp(Transport& transport, Request&& request, Op&& op, const Arguments&... arguments)
      : Task(lane_of(request), request.request_id(),
             allowance_of(request, transport.spill_timeout)),
        counters_(transport.counters),
        arguments_(Parked<Arguments>(arguments, request.ring() != nullptr,
                                     transport.parking.copied_bytes())...),
        op_(std::move(op)),
        request_(std::move(request)),
        place_(request_.ring()) {
    request_.note_parked();
  }

  void run() override {
    std::apply(
        [this](const Parked<Arguments>&... kept) {
          const auto result = attempt(request_, base::Wait(deadline()), op_, kept.get()...);
          assert(!result.is(base::kWouldBlock));
          if (!result && deadline().over() && !deadline().is_cancelled()) log_late(request_);
          finish(counters_, request_, result);
        },
        arguments_);
  }
  void refuse(base::Errno error) override { finish(counters_, request_, error); }

 private:
  Counters& counters_;
  const std::tuple<Parked<Arguments>...> arguments_;
  Op op_;
  Request request_;
  const ParkedPlace place_;
};

}  // namespace detail

// Runs `op(Request&, base::Wait, arguments...) -> base::Result<Reply>` and replies with its result.
//
// The handler runs `op` with Wait::no. On kWouldBlock (request, op, arguments) is parked, and a
// worker runs `op` again with a deadline, which ends when the kernel interrupts the request, at
// unmount, and on a ring `spill_timeout` after the last progress (EIO). A run must be idempotent:
// one that ends in kWouldBlock may have done part of its work, and `op` runs again from its start.
//
// `op` owns its captures, which are moved when it parks. Anything that points into libfuse's
// buffers goes into `arguments`: std::string_view and WriteData are copied when the request parks
// (WriteData possibly only in part; on a ring not at all), all other types are copied as they are.
// Allocates only when it parks. `op` may throw bad_alloc (ENOMEM); run_or_park() never throws.
template <typename Op, typename... Arguments>
void run_or_park(Transport& transport, fuse_req_t raw, Opcode opcode, tree::InodeId inode, Op op,
                 Arguments... arguments) {
  Request request(raw, opcode, inode);
  const auto result = detail::attempt(request, base::Wait::no, op, arguments...);
  if (!result.is(base::kWouldBlock)) return detail::finish(transport.counters, request, result);
  std::unique_ptr<Parking::Task> parked;
  try {
    parked = std::make_unique<detail::ParkedOp<Op, Arguments...>>(transport, std::move(request),
                                                                  std::move(op), arguments...);
  } catch (const std::bad_alloc&) {
    return detail::finish(transport.counters, request, base::Errno(ENOMEM));
  }
  transport.parking.park(std::move(parked));
}

}  // namespace scratchfs::kernel
