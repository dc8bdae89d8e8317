// A value or an errno: the return type of fallible functions under fs/.
#pragma once

#include <cassert>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace scratchfs::base {

// An errno value (errno(3)); never 0. kWouldBlock is internal and never reaches a user; it means
// "this would block: retry on a thread that may wait".
class [[nodiscard]] Errno {
 public:
  constexpr explicit Errno(int value) : value_(value) { assert(value > 0); }
  constexpr int value() const { return value_; }
  friend constexpr bool operator==(Errno, Errno) = default;

 private:
  int value_;
};

inline constexpr Errno kWouldBlock{EWOULDBLOCK};

class CancellableDeadline;

// Whether a function may block its thread, and for how long. A request handler passes `no` and
// parks the request on kWouldBlock. A worker passes its request's deadline (fs/base/deadline.h); it
// never gets kWouldBlock, but the error of that deadline if it ends first.
class Wait {
 public:
  // NOLINTBEGIN(readability-identifier-naming): named like enumerators
  static const Wait no;
  static const Wait yes;  // without a limit
  // NOLINTEND(readability-identifier-naming)
  constexpr explicit Wait(const CancellableDeadline& deadline) : may_(true), deadline_(&deadline) {}

  const CancellableDeadline* deadline() const { return deadline_; }  // nullptr: no limit
  // Returns the error to fail with if the wait must end, else nullopt. Like the next function,
  // defined in fs/base/deadline.h.
  std::optional<Errno> over() const;
  // Records progress at time `when`.
  void progressed(std::chrono::steady_clock::time_point when) const;
  friend constexpr bool operator==(Wait, Wait) = default;

 private:
  constexpr explicit Wait(bool may) : may_(may) {}

  bool may_;
  const CancellableDeadline* deadline_ = nullptr;
};
// NOLINTBEGIN(readability-identifier-naming)
inline constexpr Wait Wait::no{false};
inline constexpr Wait Wait::yes{true};
// NOLINTEND(readability-identifier-naming)

// An error for a person to read: `what: why`, one line without a newline.
struct Failure {
  std::string message;
};

template <typename T, typename E = Errno>
class [[nodiscard]] Result {
 public:
  Result(T value)  // NOLINT(google-explicit-constructor): so that a function can return a value
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error)  // NOLINT(google-explicit-constructor): so that a function can return an error
      : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  // REQUIRES of the value accessors: *this holds a value.
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  // REQUIRES: *this holds an error.
  const E& error() const { return *std::get_if<1>(&state_); }
  bool is(const E& error) const { return state_.index() == 1 && *std::get_if<1>(&state_) == error; }

 private:
  std::variant<T, E> state_;
};

template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error)  // NOLINT(google-explicit-constructor): so that a function can return an error
      : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const E& error() const { return *error_; }
  bool is(const E& error) const { return error_ == error; }

 private:
  std::optional<E> error_;
};

}  // namespace scratchfs::base
