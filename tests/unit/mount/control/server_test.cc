#include "mount/control/server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <set>
#include <string>
#include <string_view>

#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

using quota::kUnlimited;

constexpr uid_t kOwner = 1000;
constexpr uid_t kOther = 1001;
constexpr uid_t kThird = 1002;

class ControlServerTest : public testing::Test {
 protected:
  Json ask(const Request& request, uid_t uid) { return ask_text(write_request(request), uid); }
  Json ask_text(std::string_view text, uid_t uid) {
    return Json::parse(server_.answer({.text = text, .uid = uid}));
  }
  static std::set<uid_t> uids(const Json& users) {
    std::set<uid_t> all;
    for (const Json& row : users) all.insert(row["uid"].get<uid_t>());
    return all;
  }
  static SetQuotaRequest limit(std::optional<uid_t> uid, std::uint64_t bytes) {
    SetQuotaRequest request;
    request.uid = uid;
    request.bytes = bytes;
    return request;
  }

  static Status facts() {
    Status facts;
    facts.mountpoint = "/scratch";
    facts.source = "scratchfs";
    facts.owner = kOwner;
    facts.pid = 77;
    facts.guardian_pid = 78;
    facts.lifetime = "strict";
    facts.create_mode = "private";
    facts.spill.directory = "/var/tmp";
    return facts;
  }
  Gauges gauges() {
    Gauges gauges;
    gauges.store = [this] {
      store::StoreStats stats;
      stats.budget = memory_;
      stats.memory_used = 10;
      stats.spill_limit = spill_;
      stats.spilled = 20;
      return stats;
    };
    gauges.tree = [] {
      tree::TreeStats stats;
      stats.deleted_unheld = 4;
      stats.deleted_for[static_cast<std::size_t>(lifetime::Reason::claim_ended)] = 4;
      return stats;
    };
    gauges.census = [] {
      tree::Census census;
      census.objects = 9;
      census.held.claims = 5;
      census.users[kOther] = {.objects = 2, .in_memory = 100, .spilled = 8092, .oldest = 1234};
      return census;
    };
    gauges.session = [] {
      kernel::SessionStats stats;
      stats.io_uring = true;
      stats.parked = 3;
      kernel::Latencies writes;
      writes.nanoseconds = 30'000;
      writes.buckets[kernel::latency_bucket(10'000)] = 3;
      stats.requests = {{.name = "WRITE", .total = writes, .recent = writes},
                        {.name = "READ", .total = writes, .recent = {}}};
      stats.recent_span = std::chrono::seconds(60);
      return stats;
    };
    gauges.writers = [] {
      return std::vector<kernel::Writer>{
          {.thread = ::getpid(),
           .session = 1,
           .uid = kOther,
           .bytes = 700,
           .first = ::time(nullptr),
           .last = ::time(nullptr)},
          {.thread = 0, .session = 1, .uid = kOther, .bytes = 50, .first = 10, .last = 20},
          {.thread = 0, .session = 2, .uid = kThird, .bytes = 5, .first = 10, .last = 20}};
    };
    gauges.spill_free = [] { return std::optional<std::uint64_t>(5000); };
    return gauges;
  }

  Levers levers() {
    return {.set_memory = [this](std::uint64_t bytes) -> base::Result<void> {
              if (memory_error_ != 0) return base::Errno{memory_error_};
              memory_ = bytes;
              return {};
            },
            .set_spill = [this](std::uint64_t bytes) -> base::Result<void> {
              spill_ = bytes;
              return {};
            },
            .set_access_times = [this](tree::AccessTimes times) { access_times_ = times; },
            .machine = [] { return Machine{.memory = 1 << 30}; }};
  }
  std::string refusal(const SetRequest& request, uid_t uid = 0) {
    const Json reply = ask(request, uid);
    EXPECT_TRUE(reply.contains("error")) << reply;
    return reply.value("error", "");
  }

  std::uint64_t memory_ = 64 << 20;
  std::uint64_t spill_ = 1 << 20;
  tree::AccessTimes access_times_;
  int memory_error_ = 0;
  const quota::Limits everyone_{1 << 20, 100};
  quota::Ledger ledger_{quota::Ledger::Options{.everyone = everyone_}};
  quota::Charge owner_{ledger_, ledger_.account(kOwner)};
  quota::Charge other_{ledger_, ledger_.account(kOther)};
  quota::Charge third_{ledger_, ledger_.account(kThird)};
  ControlServer server_{facts(), gauges(), levers(), ledger_, everyone_};

  void SetUp() override {
    ASSERT_TRUE(owner_.grow({4096, 1}));
    ASSERT_TRUE(other_.grow({8192, 2}));
    ASSERT_TRUE(third_.grow({512, 1}));
  }
};

TEST_F(ControlServerTest, StatusTellsWhatTheMountIsAndHasDone) {
  const Json status = ask(StatusRequest{}, 0)["status"];
  EXPECT_EQ(status["mountpoint"], "/scratch");
  EXPECT_EQ(status["pid"], 77);
  EXPECT_EQ(status["guardian_pid"], 78);
  EXPECT_EQ(status["owner"], kOwner);
  EXPECT_EQ(status["lifetime"], "strict");
  EXPECT_EQ(status["create_mode"], "private");
  EXPECT_EQ(status["memory"]["budget"], 64 << 20);
  EXPECT_EQ(status["memory"]["used"], 10);
  EXPECT_EQ(status["spill"]["used"], 20);
  EXPECT_EQ(status["spill"]["disk_free"], 5000);
  EXPECT_EQ(status["spill"]["directory"], "/var/tmp");
  EXPECT_EQ(status["transport"]["io_uring"], true);
  EXPECT_EQ(status["transport"]["parked"], 2) << "without the one that asks";
  EXPECT_EQ(status["requests"]["recent_seconds"], 60.0);
  const Json& writes = status["requests"]["kinds"]["WRITE"];
  EXPECT_EQ(writes["total"], 3);
  EXPECT_EQ(writes["recent"], 3);
  EXPECT_EQ(writes["per_second"], 0.05);
  EXPECT_NEAR(writes["p50_ns"].get<double>(), 10'000, 10'000 / 8);
  EXPECT_TRUE(status["requests"]["kinds"]["READ"]["p99_ns"].is_null()) << "none of late";
  EXPECT_FALSE(writes.contains("sum_ns"));
  EXPECT_EQ(status["files"]["objects"], 9);
  EXPECT_EQ(status["files"]["held_by"]["claims"], 5);
  EXPECT_EQ(status["files"]["deleted_unheld"], 4);
  EXPECT_EQ(status["files"]["deleted_for"]["claim_ended"], 4);
  EXPECT_EQ(status["files"]["bytes"], 4096 + 8192 + 512);
  EXPECT_EQ(status["files"]["inodes"], 4);
}

TEST_F(ControlServerTest, RootAndTheOwnerChangeOptionsAndOthersDoNot) {
  EXPECT_NE(refusal({.memory = "128M"}, kOther).find("only root"), std::string::npos);
  EXPECT_EQ(memory_, 64U << 20);
  for (const uid_t caller : {uid_t{0}, kOwner}) {
    EXPECT_TRUE(ask(SetRequest{.memory = "128M"}, caller).contains("set"));
    EXPECT_EQ(memory_, 128U << 20);
    memory_ = 64 << 20;
  }
}

TEST_F(ControlServerTest, ChangesWhatIsAskedForAndNothingElse) {
  ask(SetRequest{.memory = "50%"}, 0);
  EXPECT_EQ(memory_, 512U << 20) << "of the machine's";
  EXPECT_EQ(spill_, 1U << 20);
  ask(SetRequest{.spill = "50%"}, 0);
  EXPECT_EQ(spill_, (5000U + 20) / 2) << "of what is free or in use";
  EXPECT_EQ(ask(QuotaRequest{}, 0)["quota"]["everyone"]["bytes_limit"], 1 << 20);
  ask(SetRequest{.quota_inodes = 7}, 0);
  EXPECT_EQ(ledger_.row(kOther).limits, (quota::Limits{1 << 20, 7}));
  ask(SetRequest{.quota = "none", .user_quotas = {{kThird, "3M", 4}}}, 0);
  EXPECT_EQ(ledger_.row(kOther).limits, (quota::Limits{kUnlimited, 7}));
  EXPECT_EQ(ledger_.row(kThird).limits, (quota::Limits{3 << 20, 4}));
  EXPECT_EQ(memory_, 512U << 20);
}

TEST_F(ControlServerTest, TellsOfAccessTimesAsTheKernelsFlagsSay) {
  ask(SetRequest{.flags = "ro,noexec"}, 0);
  EXPECT_EQ(access_times_.kind, tree::AccessTimes::Kind::never);
  ask(SetRequest{.flags = "nodiratime,strictatime"}, 0);
  EXPECT_EQ(access_times_.kind, tree::AccessTimes::Kind::strict);
  EXPECT_FALSE(access_times_.directories);
  ask(SetRequest{.flags = ""}, 0);
  EXPECT_EQ(access_times_.kind, tree::AccessTimes::Kind::relative);
  EXPECT_TRUE(access_times_.directories);
  EXPECT_FALSE(refusal({.flags = "noatime,memory=1G"}).empty());
  EXPECT_EQ(access_times_.kind, tree::AccessTimes::Kind::relative);
}

TEST_F(ControlServerTest, ChangesNothingWhereItRefuses) {
  for (const SetRequest& wrong :
       {SetRequest{.memory = "2G"}, SetRequest{.memory = "1M"}, SetRequest{.memory = "lots"},
        SetRequest{.spill = "x"}, SetRequest{.quota = "0"}, SetRequest{.log_level = "loud"},
        SetRequest{.user_quotas = {{kThird, "much", 1}}}}) {
    SetRequest request = wrong;
    if (!request.memory) request.memory = "128M";
    EXPECT_FALSE(refusal(request).empty());
    EXPECT_EQ(memory_, 64U << 20);
    EXPECT_EQ(spill_, 1U << 20);
  }
  EXPECT_EQ(ledger_.row(kThird).limits, everyone_);
}

TEST_F(ControlServerTest, TellsWhyMemoryCannotBeLess) {
  memory_error_ = EBUSY;
  EXPECT_NE(refusal({.memory = "8M", .spill = "2M"}).find("delete something"), std::string::npos);
  EXPECT_EQ(spill_, 1U << 20) << "as it was";
  spill_ = 0;
  EXPECT_NE(refusal({.memory = "8M"}).find("nothing may spill"), std::string::npos);
  memory_error_ = ENOMEM;
  EXPECT_NE(refusal({.memory = "128M"}).find("address space"), std::string::npos);
}

TEST_F(ControlServerTest, AUsersRowTellsOfHisFiles) {
  const Json row = ask(StatusRequest{}, kOther)["status"]["users"][0];
  EXPECT_EQ(row["in_memory"], 100);
  EXPECT_EQ(row["spilled"], 8092);
  EXPECT_EQ(row["oldest_file"], 1234);
  const Json other = ask(StatusRequest{}, kThird)["status"]["users"][0];
  EXPECT_EQ(other["in_memory"], 0);
  EXPECT_TRUE(other["oldest_file"].is_null());
}

TEST_F(ControlServerTest, AStatusComesInThreeSizes) {
  using Detail = StatusRequest::Detail;
  const Json about = ask(StatusRequest{Detail::about}, kOther)["status"];
  EXPECT_EQ(about["pid"], 77);
  EXPECT_FALSE(about.contains("users"));
  const Json full = ask(StatusRequest{Detail::with_histograms}, kOther)["status"]["requests"];
  EXPECT_EQ(full["kinds"]["WRITE"]["sum_ns"], 30'000);
  const Json& below = full["kinds"]["WRITE"]["below_bounds"];
  ASSERT_EQ(full["bounds_ns"].size(), below.size());
  EXPECT_EQ(full["bounds_ns"][0], 1024);
  EXPECT_EQ(full["bounds_ns"][1], 4096);
  EXPECT_EQ(below[1], 0) << "10 us are more than 4";
  EXPECT_EQ(below[2], 3);
  EXPECT_TRUE(ask_text(R"({"version":1,"command":"status","detail":"all"})", 0).contains("error"));
}

TEST_F(ControlServerTest, RootAndTheMountsOwnerSeeEveryRow) {
  const std::set<uid_t> all{kOwner, kOther, kThird};
  for (const uid_t caller : {uid_t{0}, kOwner}) {
    EXPECT_EQ(uids(ask(StatusRequest{}, caller)["status"]["users"]), all);
    EXPECT_EQ(uids(ask(QuotaRequest{}, caller)["quota"]["users"]), all);
  }
}

TEST_F(ControlServerTest, OthersSeeTheirOwnRowAlone) {
  for (const uid_t caller : {kOther, kThird, uid_t{4711}}) {
    EXPECT_EQ(uids(ask(StatusRequest{}, caller)["status"]["users"]), std::set<uid_t>{caller});
    EXPECT_EQ(uids(ask(QuotaRequest{}, caller)["quota"]["users"]), std::set<uid_t>{caller});
  }
  const Json row = ask(QuotaRequest{}, kOther)["quota"]["users"][0];
  EXPECT_EQ(row["bytes"], 8192);
  EXPECT_EQ(row["inodes"], 2);
  EXPECT_EQ(row["bytes_limit"], 1 << 20);
  EXPECT_EQ(row["inodes_limit"], 100);
  EXPECT_EQ(row["own_limits"], false);
}

TEST_F(ControlServerTest, TopTellsWhoHasWrittenHowMuch) {
  const Json top = ask(TopRequest{}, 0)["top"];
  EXPECT_EQ(uids(top["users"]), (std::set<uid_t>{kOwner, kOther, kThird}));
  EXPECT_EQ(top["users"][1]["written"], 750);
  ASSERT_EQ(top["sessions"].size(), 2U);
  EXPECT_EQ(top["sessions"][0]["written"], 750);
  EXPECT_EQ(top["sessions"][0]["since"], 10);
  ASSERT_EQ(top["processes"].size(), 1U) << "sums of those that are gone are nobody's";
  EXPECT_EQ(top["processes"][0]["pid"], ::getpid());
  EXPECT_EQ(top["processes"][0]["written"], 700);
  EXPECT_EQ(top["processes"][0]["living"], true);
  EXPECT_NE(top["processes"][0]["command"], "");
}

TEST_F(ControlServerTest, TopNamesTheLeaderOfASessionToThoseWhomItConcerns) {
  EXPECT_NE(ask(TopRequest{}, 0)["top"]["sessions"][0]["command"], "") << "init's";
  EXPECT_EQ(ask(TopRequest{}, kOther)["top"]["sessions"][0]["command"], "");
}

TEST_F(ControlServerTest, TopTellsOthersOfThemselvesAlone) {
  const Json top = ask(TopRequest{}, kThird)["top"];
  EXPECT_EQ(uids(top["users"]), std::set<uid_t>{kThird});
  EXPECT_EQ(uids(top["sessions"]), std::set<uid_t>{kThird});
  EXPECT_TRUE(top["processes"].empty());
}

TEST_F(ControlServerTest, OthersCannotSetLimitsNotEvenTheirOwn) {
  for (const auto& request : {limit(kOther, 5), limit(std::nullopt, kUnlimited)}) {
    const Json reply = ask(request, kOther);
    EXPECT_TRUE(reply.contains("error")) << reply;
    EXPECT_FALSE(reply.contains("quota"));
  }
  SetQuotaRequest reset;
  reset.uid = kOther;
  reset.reset = true;
  EXPECT_TRUE(ask(reset, kOther).contains("error"));
  EXPECT_EQ(ledger_.row(kOther).limits, everyone_);
}

TEST_F(ControlServerTest, RootAndTheOwnerSetLimitsAndTheReplyShowsThem) {
  const Json reply = ask(limit(kOther, 12345), 0);
  EXPECT_EQ(uids(reply["quota"]["users"]), (std::set<uid_t>{kOwner, kOther, kThird}));
  EXPECT_EQ(ledger_.row(kOther).limits, (quota::Limits{12345, 100}));
  ask(limit(kThird, kUnlimited), kOwner);
  EXPECT_EQ(ledger_.row(kThird).limits, (quota::Limits{kUnlimited, 100}));
}

TEST_F(ControlServerTest, OneLimitIsSetWithoutTouchingTheOther) {
  ask(limit(kOther, 12345), 0);
  SetQuotaRequest inodes;
  inodes.uid = kOther;
  inodes.inodes = 7;
  ask(inodes, 0);
  EXPECT_EQ(ledger_.row(kOther).limits, (quota::Limits{12345, 7}));
}

TEST_F(ControlServerTest, NoLimitIsSetForANumberThatSomebodyHolds) {
  constexpr uid_t kHeld = 100'000;
  ask(limit(kHeld, 12345), 0);
  ledger_.replace_holders(quota::Holders({{kHeld, 10, kOther}}));
  EXPECT_NE(ask(limit(kHeld, 1), 0).value("error", "").find(std::to_string(kOther)),
            std::string::npos);
  SetRequest request;
  request.user_quotas = {{.uid = kHeld, .bytes = "1M"}};
  EXPECT_NE(refusal(request).find(std::to_string(kOther)), std::string::npos);
  EXPECT_EQ(ledger_.row(kOther).limits, everyone_);
  // Limits that were set before can still be reset.
  SetQuotaRequest reset;
  reset.uid = kHeld;
  reset.reset = true;
  EXPECT_FALSE(ask(reset, 0).contains("error"));
}

TEST_F(ControlServerTest, ResetGivesAUserEveryonesLimitsBack) {
  ask(limit(kOther, 12345), 0);
  SetQuotaRequest reset;
  reset.uid = kOther;
  reset.reset = true;
  ask(reset, 0);
  EXPECT_EQ(ledger_.row(kOther).limits, everyone_);
  EXPECT_FALSE(ledger_.row(kOther).has_override);
}

TEST_F(ControlServerTest, EveryonesLimitsCountForWhoHasNoneOfHisOwn) {
  ask(limit(kOther, 12345), 0);
  const Json reply = ask(limit(std::nullopt, 777), 0);
  EXPECT_EQ(reply["quota"]["everyone"]["bytes_limit"], 777);
  EXPECT_EQ(reply["quota"]["everyone"]["inodes_limit"], 100);
  EXPECT_EQ(ledger_.row(kThird).limits.bytes, 777U);
  EXPECT_EQ(ledger_.row(kOther).limits.bytes, 12345U);
}

TEST_F(ControlServerTest, NoLimitIsNullInJson) {
  ask(limit(kOther, kUnlimited), 0);
  const Json row = ask(QuotaRequest{}, kOther)["quota"]["users"][0];
  EXPECT_TRUE(row["bytes_limit"].is_null());
}

TEST_F(ControlServerTest, NonsenseGetsAnErrorAndHarmsNothing) {
  for (const std::string& text : {std::string(), std::string("nonsense"), std::string(5000, '\0'),
                                  std::string(R"({"version":1,"command":"reboot"})")}) {
    EXPECT_TRUE(ask_text(text, 0).contains("error"));
  }
  EXPECT_TRUE(ask(StatusRequest{}, 0).contains("status"));
}

}  // namespace
}  // namespace scratchfs::mount
