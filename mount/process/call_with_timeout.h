// Questions to a mount, which may hang and then must not hang who asks.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace scratchfs::mount {

// What `question` answers; nothing where that takes longer than `patience`. A thread may stay
// behind, waiting, until the process ends: what `question` needs it holds itself.
template <typename Answer>
std::optional<Answer> briefly(std::function<std::optional<Answer>()> question,
                              std::chrono::milliseconds patience) {
  auto promise = std::make_shared<std::promise<std::optional<Answer>>>();
  auto future = promise->get_future();
  std::thread([promise, question = std::move(question)] {
    promise->set_value(question());
  }).detach();
  if (future.wait_for(patience) != std::future_status::ready) return std::nullopt;
  return future.get();
}

}  // namespace scratchfs::mount
