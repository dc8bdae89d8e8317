// What `scratchfs status` shows of a mount in use, and to whom.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

using Json = nlohmann::json;

class Status : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=16M,spill=256M,quota_warn=50%,user_quota=" + std::to_string(kAlice) + ":1M",
               GetParam()};

  Finished ask(const std::vector<std::string>& options = {}, const Who& who = {}) const {
    std::vector<std::string> words{scratchfs_binary(), "status", mount_.path()};
    words.insert(words.end(), options.begin(), options.end());
    Finished finished = run(words, {.who = who});
    EXPECT_EQ(finished.code, 0) << finished.err;
    return finished;
  }
  // Returns the row of `uid` as `who` sees it; null if it is not shown.
  Json row(uid_t uid, const Who& who = {}) const {
    const Json status = Json::parse(ask({"--json"}, who).out);
    for (const Json& user : status["users"]) {
      if (user["uid"] == uid) return user;
    }
    return {};
  }
  bool warns(const std::string& code) const {
    const Json status = status_of(mount_);
    for (const Json& warning : status["warnings"]) {
      if (warning["code"] == code) return true;
    }
    return false;
  }
  Fd create(const std::string& name, int flags = 0) const {
    return Fd(open((mount_ / name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC | flags, 0600));
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Status, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Status, TellsWhoHoldsWhatAndWhyThingsWent) {
  const Fd loose = create("loose");
  create("claimed", O_EXCL).close();
  create("gone").close();
  ASSERT_TRUE(eventually(
      [&] { return status_of(mount_)["files"]["deleted_for"]["handle_closed"] == 1; }, 5));
  const Json files = status_of(mount_)["files"];
  EXPECT_EQ(files["objects"], 2);
  EXPECT_EQ(files["held_by"]["handles"], 1);
  EXPECT_EQ(files["held_by"]["claims"], 1);
  EXPECT_EQ(files["deleted_unheld"], 1);
  const std::string screen = ask().out;
  EXPECT_NE(screen.find("held       1 by handles, 1 by claims\n"), std::string::npos) << screen;
  EXPECT_NE(screen.find("deleted    1: 1 at a close\n"), std::string::npos) << screen;
}

TEST_P(Status, TellsWhereAUsersBytesAre) {
  const Fd file = create("large");
  const std::string data = random_bytes(kMiB, 1);
  for (int i = 0; i < 32; ++i) ASSERT_EQ(write(file.get(), data.data(), kMiB), ssize_t(kMiB));
  const Json of_root = row(0);
  const auto in_memory = of_root["in_memory"].get<std::uint64_t>();
  const auto spilled = of_root["spilled"].get<std::uint64_t>();
  EXPECT_EQ(in_memory + spilled, 32 * kMiB);
  EXPECT_GT(spilled, 8 * kMiB);
  EXPECT_LE(in_memory, 16 * kMiB);
  EXPECT_NEAR(of_root["oldest_file"].get<double>(), static_cast<double>(time(nullptr)),
              static_cast<double>(patience(60).count()) / 1000);
}

TEST_P(Status, TimesRequests) {
  const Fd file = create("file");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(pwrite(file.get(), "x", 1, i), 1);
  const Json requests = status_of(mount_)["requests"];
  const Json& writes = requests["kinds"]["WRITE"];
  EXPECT_GE(writes["total"], 100);
  EXPECT_GE(writes["recent"], 100);
  EXPECT_GT(writes["per_second"], 0);
  EXPECT_GT(writes["p50_ns"], 0);
  EXPECT_GE(writes["p99_ns"], writes["p50_ns"]);
  EXPECT_NE(ask().out.find("\nWRITE "), std::string::npos);
}

TEST_P(Status, OnlyRootAndTheOwnerSeeOthers) {
  check_in_child(as_user(kAlice), [&] { create("alices", O_EXCL).close(); });
  EXPECT_FALSE(row(kAlice).is_null());
  EXPECT_FALSE(row(kAlice, as_user(kAlice)).is_null());
  EXPECT_TRUE(row(kAlice, as_user(kBob)).is_null());
  const std::string metrics = ask({"--prometheus"}, as_user(kBob)).out;
  EXPECT_EQ(metrics.find(std::to_string(kAlice)), std::string::npos);
  EXPECT_NE(metrics.find(std::to_string(kBob)), std::string::npos);
}

TEST_P(Status, WarnsOfAUserNearHisLimit) {
  EXPECT_FALSE(warns("user_nearly_full"));
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f", O_EXCL);
    EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, kMiB / 2)), "0");
  });
  EXPECT_TRUE(warns("user_nearly_full"));
  EXPECT_NE(ask().out.find("warning    " + std::to_string(kAlice) + " uses 50% of the bytes"),
            std::string::npos);
}

TEST_P(Status, MetricsOfARealMountPassPromtool) {
  create("file", O_EXCL).close();
  const std::string metrics = ask({"--prometheus"}).out;
  EXPECT_NE(metrics.find("scratchfs_objects_held{mountpoint=\"" + mount_.path() +
                         "\",by=\"claims\"} 1\n"),
            std::string::npos)
      << metrics;
  const Finished checked =
      shell("! command -v promtool >/dev/null || '" + scratchfs_binary() + "' status '" +
            mount_.path() + "' --prometheus | promtool check metrics");
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
}

}  // namespace
}  // namespace scratchfs::harness
