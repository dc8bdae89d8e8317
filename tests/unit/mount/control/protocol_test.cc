#include "mount/control/protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "fs/quota/ledger.h"
#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

Request round_trip(const Request& request) {
  const auto read = read_request(write_request(request));
  if (!read) {
    ADD_FAILURE() << read.error().message;
    return StatusRequest{};
  }
  return *read;
}

std::string request_refused(const std::string& text) {
  const auto read = read_request(text);
  if (read) ADD_FAILURE() << text << " was accepted";
  return read ? "" : read.error().message;
}

TEST(ControlProtocol, RequestsArriveAsTheyWereSent) {
  EXPECT_TRUE(std::holds_alternative<StatusRequest>(round_trip(StatusRequest{})));
  EXPECT_TRUE(std::holds_alternative<QuotaRequest>(round_trip(QuotaRequest{})));
  SetQuotaRequest sent;
  sent.uid = 4294967294U;
  sent.bytes = quota::kUnlimited;
  sent.inodes = 17;
  const Request got = round_trip(sent);
  const auto* quota = std::get_if<SetQuotaRequest>(&got);
  ASSERT_NE(quota, nullptr);
  EXPECT_EQ(quota->uid, sent.uid);
  EXPECT_EQ(quota->bytes, quota::kUnlimited);
  EXPECT_EQ(quota->inodes, 17U);
  EXPECT_FALSE(quota->reset);
}

TEST(ControlProtocol, WhatIsNotSaidStaysUnsaid) {
  SetQuotaRequest sent;
  sent.bytes = 5;
  const Request got = round_trip(sent);
  const auto* quota = std::get_if<SetQuotaRequest>(&got);
  ASSERT_NE(quota, nullptr);
  EXPECT_FALSE(quota->uid);
  EXPECT_FALSE(quota->inodes);
}

TEST(ControlProtocol, ChangesOfOptionsArriveAsTheyWereSent) {
  const Request got = round_trip(SetRequest{.memory = "2G",
                                            .quota = "none",
                                            .quota_inodes = quota::kUnlimited,
                                            .user_quotas = {{7, "50%", 3}, {8, "1G"}}});
  const auto* set = std::get_if<SetRequest>(&got);
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->memory, "2G");
  EXPECT_FALSE(set->spill);
  EXPECT_EQ(set->quota, "none");
  EXPECT_FALSE(set->log_level);
  EXPECT_EQ(set->quota_inodes, quota::kUnlimited);
  ASSERT_EQ(set->user_quotas.size(), 2U);
  EXPECT_EQ(set->user_quotas[0].uid, 7U);
  EXPECT_EQ(set->user_quotas[0].bytes, "50%");
  EXPECT_EQ(set->user_quotas[0].inodes, 3U);
  EXPECT_EQ(set->user_quotas[1].inodes, quota::kUnlimited);
}

TEST(ControlProtocol, RefusesChangesThatAreNone) {
  for (const char* rest :
       {R"("memory":5)", R"("spill":null)", R"("log_level":[])", R"("quota_inodes":"5")",
        R"("quota_inodes":-1)", R"("user_quotas":{})", R"("user_quotas":[3])",
        R"("user_quotas":[{"uid":1}])", R"("user_quotas":[{"uid":-1,"bytes":"1G"}])",
        R"("user_quotas":[{"bytes":"1G"}])",
        R"("user_quotas":[{"uid":1,"bytes":"1G","inodes":"x"}])"}) {
    request_refused(std::string(R"({"version":1,"command":"set",)") + rest + "}");
  }
}

TEST(ControlProtocol, RefusesWhatIsNoRequest) {
  for (const char* text : {"", "x", "{", "[]", "3", "null", "{}", R"({"version":1})",
                           R"({"version":1,"command":3})", R"({"version":1,"command":"format"})"}) {
    EXPECT_FALSE(request_refused(text).empty());
  }
  request_refused(std::string(60'000, '['));
  request_refused(std::string(kernel::kMaxControlRequest + 1, ' '));
  request_refused("\xff\xfe");
}

TEST(ControlProtocol, RefusesAnotherVersionAndSaysWhatToDo) {
  const std::string message = request_refused(R"({"version":2,"command":"status"})");
  EXPECT_NE(message.find("version 1"), std::string::npos);
  request_refused(R"({"version":"1","command":"status"})");
}

TEST(ControlProtocol, RefusesLimitsThatAreNone) {
  for (const char* rest :
       {R"("bytes":1)", R"("uid":1)", R"("uid":-1,"bytes":1)", R"("uid":4294967295,"bytes":1)",
        R"("uid":99999999999,"bytes":1)", R"("uid":"root","bytes":1)", R"("uid":1,"bytes":-1)",
        R"("uid":1,"bytes":1.5)", R"("uid":1,"bytes":"1G")", R"("uid":1,"everyone":true,"bytes":1)",
        R"("everyone":1,"bytes":1)", R"("everyone":false,"bytes":1)",
        R"("uid":1,"reset":true,"bytes":1)", R"("everyone":true,"reset":true)",
        R"("uid":1,"reset":"yes")"}) {
    request_refused(std::string(R"({"version":1,"command":"set_quota",)") + rest + "}");
  }
}

TEST(ControlProtocol, RepliesArriveOrTellWhyNot) {
  Quota sent;
  sent.users.push_back({.uid = 7, .bytes = 1});
  const auto answer = read_reply<Quota>(write_reply(sent));
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->users.size(), 1U);
  EXPECT_EQ(answer->users[0].bytes, 1U);
  const auto error = read_reply<Quota>(write_error("no"));
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message, "no");
  EXPECT_FALSE(read_reply<Quota>(""));
  EXPECT_FALSE(read_reply<Quota>("nonsense"));
  EXPECT_FALSE(read_reply<Quota>(R"({"version":2,"quota":{}})"));
  EXPECT_FALSE(read_reply<Quota>(write_reply(Status())));
}

TEST(ControlProtocol, RepliesAreJsonEvenWhereAPathIsNoUtf8) {
  Status sent;
  sent.mountpoint = "/a\xff";
  EXPECT_TRUE(read_reply<Status>(write_reply(sent)));
}

TEST(ControlProtocol, NamesAreAddedForPrograms) {
  const Json quota = Json::parse(show_reply(
      R"({"version":1,"quota":{"new":[5],"users":[{"uid":0},{"uid":4000000000}]}})", "quota"));
  EXPECT_EQ(quota["users"][0]["user"], "root");
  EXPECT_TRUE(quota["users"][1]["user"].is_null());
  EXPECT_EQ(quota["new"][0], 5) << "what only the daemon knows";
}

TEST(ControlProtocol, RepliesWithSomethingElseThanRowsAreRefused) {
  for (const Json& users :
       {Json(1000), Json("users"), Json::array({1, "row", nullptr}), Json(nullptr)}) {
    EXPECT_FALSE(read_reply<Quota>(Json{{"version", 1}, {"quota", {{"users", users}}}}.dump()));
  }
}

}  // namespace
}  // namespace scratchfs::mount
