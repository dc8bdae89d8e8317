// Calls into a mount that may hang: the caller gives up after a timeout instead of blocking.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace scratchfs::mount {

// Runs `question` on a detached thread and returns its result, or nullopt if that takes longer than
// `timeout`. After a timeout the thread stays blocked, possibly until the process ends, so
// `question` must own everything it uses.
template <typename Answer>
std::optional<Answer> briefly(std::function<std::optional<Answer>()> question,
                              std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<std::optional<Answer>>>();
  auto future = promise->get_future();
  std::thread([promise, question = std::move(question)] {
    promise->set_value(question());
  }).detach();
  if (future.wait_for(timeout) != std::future_status::ready) return std::nullopt;
  return future.get();
}

}  // namespace scratchfs::mount
