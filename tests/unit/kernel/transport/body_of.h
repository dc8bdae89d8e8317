// The bodies of messages to the kernel, as structs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/fakes/fake_kernel.h"

namespace scratchfs::kernel {

template <typename T>
T body_of(const test::Message& message) {
  T value{};
  EXPECT_GE(message.body.size(), sizeof value);
  std::memcpy(&value, message.body.data(), std::min(sizeof value, message.body.size()));
  return value;
}

}  // namespace scratchfs::kernel
