// The debug log names the last holder of each deleted object, at a limited rate.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

// Captures the log while it exists.
class CapturedLog {
 public:
  CapturedLog() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "captured", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_level(spdlog::level::debug);
    logger->set_pattern("%v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  // The lines about deletions, without inode numbers.
  std::vector<std::string> deletions() const {
    std::vector<std::string> lines;
    std::istringstream text(text_.str());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("deleted ")) lines.push_back(line.substr(line.find('(')));
    }
    return lines;
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> before_;
};

class DeletionLog : public TreeTest {
 protected:
  using Lines = std::vector<std::string>;
  CapturedLog log_;
};

TEST_F(DeletionLog, TellsOfTheLastHandle) {
  make_file(root_, "loose");
  EXPECT_EQ(log_.deletions(), Lines{"(loose): last held by a handle, which was closed"});
}

TEST_F(DeletionLog, TellsOfTheSessionThatEnded) {
  make_file(root_, "mine", O_EXCL);
  make_directory(root_, "empty");
  make_file(make_directory(root_, "directory"), "inside");
  claimants_.end(kSession);
  Lines lines = log_.deletions();
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (Lines{"(directory): last held by what was in it, which is gone",
                          "(empty): last held by claimant 10, which has ended",
                          "(inside): last held by claimant 10, which has ended",
                          "(mine): last held by claimant 10, which has ended"}));
}

TEST_F(DeletionLog, TellsOfTheHandleWhereTheSessionEndedBefore) {
  const auto file = create(root_, "mine", O_RDWR | O_CREAT | O_EXCL);
  claimants_.end(kSession);
  EXPECT_TRUE(log_.deletions().empty());
  tree_->release(file.opened.handle);
  EXPECT_EQ(log_.deletions(), Lines{"(mine): last held by a handle, which was closed"});
}

TEST_F(DeletionLog, TellsOfAMarkThatWasLifted) {
  const auto file = make_file(root_, "mine", O_EXCL);
  ASSERT_TRUE(tree_->set_kept(file, true, Wait::yes));
  claimants_.end(kSession);
  ASSERT_TRUE(tree_->set_kept(file, false, Wait::yes));
  EXPECT_EQ(log_.deletions(), Lines{"(mine): last held by a keep mark, which was lifted"});
}

TEST_F(DeletionLog, TellsOfADirectoryThatOnlyItsLastFileHeld) {
  const auto directory = make_directory(root_, "directory");
  const auto file = create(directory, "file", O_RDWR | O_CREAT);
  claimants_.end(kSession);
  tree_->release(file.opened.handle);
  EXPECT_EQ(log_.deletions(), (Lines{"(file): last held by a handle, which was closed",
                                     "(directory): last held by what was in it, which is gone"}));
}

TEST_F(DeletionLog, TellsOfACreatorThatWasGone) {
  ASSERT_TRUE(tree_->make(root_, "late", S_IFDIR | 0700, 0, caller(404), Wait::yes));
  EXPECT_EQ(log_.deletions(), Lines{"(late): last held by its creator, which had ended before"});
}

TEST_F(DeletionLog, RatesItselfDownAndCountsWhatItLeavesOut) {
  constexpr std::size_t kFiles = 2000;
  for (std::size_t i = 0; i < kFiles; ++i) make_file(root_, "loose" + std::to_string(i));
  tree_.reset();
  std::size_t told = 0;
  std::istringstream text(log_.text());
  std::size_t lines = 0;
  for (std::string line; std::getline(text, line); ++lines) {
    std::size_t more = 0;
    if (const auto at = line.find("(and "); at != std::string::npos)
      more = std::stoul(line.substr(at + 5));
    else if (line.find("more because") != std::string::npos)
      more = std::stoul(line.substr(8)) - 1;
    told += 1 + more;
  }
  EXPECT_EQ(told, kFiles);
  EXPECT_LE(lines, kFiles / 4) << "at most 100 a second";
  start({});
}

}  // namespace
}  // namespace scratchfs::tree
