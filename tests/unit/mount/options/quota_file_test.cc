#include "mount/options/quota_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace scratchfs::mount {
namespace {

using quota::kUnlimited;
using quota::Limits;

QuotaFile parsed(const std::string& text) {
  const auto quotas = parse_quota_file(text, "/q", 1000);
  EXPECT_TRUE(quotas) << (quotas ? "" : quotas.error().message);
  return quotas ? *quotas : QuotaFile{};
}

std::string refusal(const std::string& text) {
  const auto quotas = parse_quota_file(text, "/q", 1000);
  return quotas ? "nothing" : quotas.error().message;
}

TEST(QuotaFile, HasALineForEachUser) {
  const QuotaFile quotas = parsed(
      "# users\n"
      "\n"
      "*       20K  100   # everyone\n"
      "root\t1M\r\n"
      "4711 none none\n"
      "  4712  10%   7");
  EXPECT_EQ(quotas.everyone, (Limits{20 << 10, 100}));
  ASSERT_EQ(quotas.users.size(), 3U);
  EXPECT_EQ(quotas.users.at(0), (Limits{1 << 20, kUnlimited}));
  EXPECT_EQ(quotas.users.at(4711), Limits{});
  EXPECT_EQ(quotas.users.at(4712), (Limits{100, 7}));
}

TEST(QuotaFile, AnEmptyOneSaysNothing) {
  EXPECT_EQ(parsed("").everyone, std::nullopt);
  EXPECT_TRUE(parsed("# nothing\n").users.empty());
}

TEST(QuotaFile, BadLinesAreToldWithTheirNumber) {
  EXPECT_EQ(refusal("root 1G\nroot\n"), "/q:2: must be USER SIZE [INODES], or none for no limit");
  EXPECT_EQ(refusal("\n\nroot 1G 5 6\n"), "/q:3: must be USER SIZE [INODES], or none for no limit");
  EXPECT_EQ(refusal("no-such-user-here 1G\n"), "/q:1: there is no user no-such-user-here");
  EXPECT_EQ(refusal("root 1G\n0 2G\n"), "/q:2: a second line of the user 0; leave one");
  EXPECT_EQ(refusal("* 1G\n* 2G\n"), "/q:2: a second line of everyone; leave one");
  EXPECT_TRUE(refusal("root 0\n").starts_with("/q:1: 0: "));
  EXPECT_TRUE(refusal("root 1X\n").starts_with("/q:1: 1X: "));
  EXPECT_TRUE(refusal("root 1G some\n").starts_with("/q:1: some: "));
}

TEST(QuotaFile, StandsAboveTheOptions) {
  quota::Ledger::Options options{.everyone = {.bytes = 5},
                                 .overrides = {{1, {.bytes = 6}}, {2, {.bytes = 7}}}};
  const auto merged = with_quotas(options, parsed("2 100\n3 200\n"));
  EXPECT_EQ(merged.everyone.bytes, 5U);
  EXPECT_EQ(merged.overrides.at(1).bytes, 6U);
  EXPECT_EQ(merged.overrides.at(2).bytes, 100U);
  EXPECT_EQ(merged.overrides.at(3).bytes, 200U);
  EXPECT_EQ(with_quotas(options, parsed("* none\n")).everyone.bytes, kUnlimited);
}

class QuotaFileOnDisk : public testing::Test {
 protected:
  QuotaFileOnDisk() {
    directory_ = std::filesystem::temp_directory_path() / "scratchfs-quota.XXXXXX";
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
  }
  ~QuotaFileOnDisk() override { std::filesystem::remove_all(directory_); }
  std::string refused(const std::string& path) {
    const auto quotas = read_quota_file(path, 1000);
    return quotas ? "nothing" : quotas.error().message;
  }
  std::string directory_;
};

TEST_F(QuotaFileOnDisk, IsRead) {
  const std::string path = directory_ + "/q";
  std::ofstream(path) << "4711 1K\n";
  const auto quotas = read_quota_file(path, 1000);
  ASSERT_TRUE(quotas);
  EXPECT_EQ(quotas->users.at(4711).bytes, 1024U);
}

TEST_F(QuotaFileOnDisk, OnlyRegularFilesAre) {
  EXPECT_EQ(refused(directory_ + "/none"), directory_ + "/none: No such file or directory");
  EXPECT_EQ(refused(directory_), directory_ + ": is no regular file");
  const std::string fifo = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refused(fifo), fifo + ": is no regular file") << "and nobody waits for a writer";
}

}  // namespace
}  // namespace scratchfs::mount
