#include "fs/kernel/metrics/request_rates.h"

#include <pthread.h>

#include <new>

namespace scratchfs::kernel {

void RecentWindow::remember(Moment now, const RequestTotals& totals) {
  kept_.push_back({now, std::make_unique<const RequestTotals>(totals)});
  // Keeps one snapshot that is at least as old as the span.
  while (kept_.size() > 1 && kept_[1].at <= now - kSpan) kept_.pop_front();
}

RecentRequests RecentWindow::recent(Moment now, const RequestTotals& totals) const {
  const Kept* from = &kept_.front();
  for (const Kept& kept : kept_) {
    if (kept.at <= now - kSpan) from = &kept;
  }
  RecentRequests result{now - from->at, totals};
  if (from->totals == nullptr) return result;
  for (std::size_t i = 0; i < totals.size(); ++i) {
    result.totals[i] = totals[i].since((*from->totals)[i]);
  }
  return result;
}

Recent::Recent(const Counters& counters)
    : counters_(counters), window_(std::chrono::steady_clock::now()), thread_([this] { work(); }) {}

Recent::~Recent() {
  {
    base::Lock lock(mutex_);
    stopped_ = true;
    stopping_.notify_all();
  }
  thread_.join();
}

RecentRequests Recent::requests() const {
  const RequestTotals totals = counters_.totals();
  base::Lock lock(mutex_);
  return window_.recent(std::chrono::steady_clock::now(), totals);
}

void Recent::work() {
  pthread_setname_np(pthread_self(), "counts");
  base::Lock lock(mutex_);
  auto next = std::chrono::steady_clock::now() + RecentWindow::kStep;
  while (!stopped_) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next) {
      stopping_.wait_for(mutex_, next - now);
      continue;
    }
    next = now + RecentWindow::kStep;
    try {
      window_.remember(now, counters_.totals());
    } catch (const std::bad_alloc&) {
      // The window then has one snapshot less.
    }
  }
}

}  // namespace scratchfs::kernel
