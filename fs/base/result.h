// A value or an errno: how every fallible function under fs/ answers.
#pragma once

#include <cassert>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace scratchfs::base {

// An errno value as errno(3) lists them; never 0.
// kWouldBlock is the one that stays inside: "not without waiting; ask again from a thread that may
// wait".
class [[nodiscard]] Errno {
 public:
  constexpr explicit Errno(int value) : value_(value) { assert(value > 0); }
  constexpr int value() const { return value_; }
  friend constexpr bool operator==(Errno, Errno) = default;

 private:
  int value_;
};

inline constexpr Errno kWouldBlock{EWOULDBLOCK};

class Patience;

// Whether a function may block its thread, and for how long: a request handler passes `no` and
// parks on kWouldBlock; a worker passes its request's patience (fs/base/patience.h) and never sees
// kWouldBlock, but that patience's error where it ends first.
class Wait {
 public:
  // NOLINTBEGIN(readability-identifier-naming): named as an enum's
  static const Wait no;
  static const Wait yes;  // as long as it takes
  // NOLINTEND(readability-identifier-naming)
  constexpr explicit Wait(const Patience& patience) : may_(true), patience_(&patience) {}

  const Patience* patience() const { return patience_; }  // nullptr: there is no end to it
  // Why there is no more waiting; nullopt: it goes on. Defined in fs/base/patience.h, as the next.
  std::optional<Errno> over() const;
  // What is waited for has come nearer at `when`.
  void progressed(std::chrono::steady_clock::time_point when) const;
  friend constexpr bool operator==(Wait, Wait) = default;

 private:
  constexpr explicit Wait(bool may) : may_(may) {}

  bool may_;
  const Patience* patience_ = nullptr;
};
// NOLINTBEGIN(readability-identifier-naming)
inline constexpr Wait Wait::no{false};
inline constexpr Wait Wait::yes{true};
// NOLINTEND(readability-identifier-naming)

// What goes wrong before there is a mount, for a person to read: `what: why`, one line without a
// newline.
struct Failure {
  std::string message;
};

template <typename T, typename E = Errno>
class [[nodiscard]] Result {
 public:
  Result(T value)  // NOLINT(google-explicit-constructor): to return one as it is
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error)  // NOLINT(google-explicit-constructor): to return one as it is
      : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  // Precondition of the value accessors: *this holds a value.
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  // Precondition: *this holds an error.
  const E& error() const { return *std::get_if<1>(&state_); }
  bool is(const E& error) const { return state_.index() == 1 && *std::get_if<1>(&state_) == error; }

 private:
  std::variant<T, E> state_;
};

template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error)  // NOLINT(google-explicit-constructor): to return one as it is
      : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const E& error() const { return *error_; }
  bool is(const E& error) const { return error_ == error; }

 private:
  std::optional<E> error_;
};

}  // namespace scratchfs::base
