// The daemon's replies from JSON, as the commands read them.
#pragma once

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

using Json = nlohmann::json;

template <typename Reply>
Reply reply_of(const Json& json) {
  auto reply = read_reply<Reply>(Json{{"version", 1}, {Reply::kName, json}}.dump());
  EXPECT_TRUE(reply) << json;
  return reply ? *std::move(reply) : Reply();
}

}  // namespace scratchfs::mount
