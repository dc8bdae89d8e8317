#include "fs/base/os_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "tests/units.h"

namespace scratchfs::base {
namespace {

namespace stdfs = std::filesystem;

struct Aligned {
  explicit Aligned(std::size_t bytes)
      : memory(static_cast<std::byte*>(std::aligned_alloc(kPage, bytes))), span(memory, bytes) {}
  ~Aligned() { std::free(memory); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  std::byte* memory;
  std::span<std::byte> span;
};

class OsFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (stdfs::path(testing::TempDir()) / "os_file.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path = pattern;
  }
  void TearDown() override { stdfs::remove_all(path); }

  stdfs::path path;
};

// Returns this process's descriptor of an unnamed file below `path`; -1 if there is none.
int hidden_descriptor(const stdfs::path& path) {
  for (const auto& entry : stdfs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = stdfs::read_symlink(entry.path(), error).string();
    if (!error && target.starts_with(path.string()) && target.ends_with("(deleted)")) {
      return std::stoi(entry.path().filename());
    }
  }
  return -1;
}

TEST_F(OsFileTest, ReadsBackWhatWasWritten) {
  auto directory = *open_directory(path);
  auto file = *directory->create_hidden();
  Aligned out(64 * kPage);
  Aligned in(16 * kPage);
  for (std::size_t i = 0; i < out.span.size(); ++i)
    out.memory[i] = static_cast<std::byte>(i * 7 >> 4);
  ASSERT_TRUE(file->write_all(out.span, 3 * kPage));
  ASSERT_TRUE(file->read_exactly(in.span, 8 * kPage));
  EXPECT_TRUE(std::equal(in.span.begin(), in.span.end(), out.memory + 5 * kPage));
}

TEST_F(OsFileTest, TakesTransfersThatAreNotAligned) {
  auto directory = *open_directory(path);
  auto file = *directory->create_hidden();
  std::vector<std::byte> out(1000, std::byte{9});
  std::vector<std::byte> in(10);
  ASSERT_TRUE(file->write_all(std::span(out).subspan(1), 5));
  ASSERT_TRUE(file->read_exactly(in, 7));
  EXPECT_EQ(in, std::vector<std::byte>(10, std::byte{9}));
}

TEST_F(OsFileTest, AnswersEioBeyondTheEnd) {
  auto directory = *open_directory(path);
  auto file = *directory->create_hidden();
  Aligned page(kPage);
  ASSERT_TRUE(file->truncate(kPage));
  EXPECT_TRUE(file->read_exactly(page.span, 0));
  EXPECT_TRUE(file->read_exactly(page.span, kPage).is(Errno{EIO}));
}

TEST_F(OsFileTest, MakesPrivateFilesWithoutANameThatAreClosedOnExec) {
  auto directory = *open_directory(path);
  auto file = *directory->create_hidden();
  EXPECT_TRUE(stdfs::is_empty(path));
  const int fd = hidden_descriptor(path);
  ASSERT_GE(fd, 0);
  struct stat info {};
  ASSERT_EQ(fstat(fd, &info), 0);
  EXPECT_EQ(info.st_nlink, 0U);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  file.reset();
  EXPECT_EQ(hidden_descriptor(path), -1);
}

TEST_F(OsFileTest, GivesSpaceBackInHolesAndByTruncation) {
  auto directory = *open_directory(path);
  auto file = *directory->create_hidden();
  Aligned out(256 * kPage);
  std::fill(out.span.begin(), out.span.end(), std::byte{1});
  ASSERT_TRUE(file->write_all(out.span, 0));
  const int fd = hidden_descriptor(path);
  struct stat info {};
  fstat(fd, &info);
  const auto full = info.st_blocks;
  const auto punched = file->punch(16 * kPage, 64 * kPage);
  if (punched.is(Errno{EOPNOTSUPP})) GTEST_SKIP() << "no holes in " << path;
  ASSERT_TRUE(punched);
  fstat(fd, &info);
  EXPECT_EQ(info.st_blocks, full - 64 * 8);
  EXPECT_EQ(info.st_size, static_cast<off_t>(out.span.size()));
  Aligned in(kPage);
  ASSERT_TRUE(file->read_exactly(in.span, 20 * kPage));
  EXPECT_TRUE(
      std::all_of(in.span.begin(), in.span.end(), [](std::byte b) { return b == std::byte{0}; }));
  ASSERT_TRUE(file->truncate(0));
  fstat(fd, &info);
  EXPECT_LT(info.st_blocks, 16);
}

TEST_F(OsFileTest, GoesOnWhenThePathIsRenamedAway) {
  auto directory = *open_directory(path);
  stdfs::rename(path, path.string() + ".moved");
  EXPECT_TRUE(directory->create_hidden());
  stdfs::remove_all(path.string() + ".moved");
}

TEST_F(OsFileTest, TellsTheTruthAboutADirectoryThatCannotBeUsed) {
  EXPECT_TRUE(open_directory(path / "missing").is(Errno{ENOENT}));
  const stdfs::path plain = path / "file";
  close(open(plain.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_TRUE(open_directory(plain).is(Errno{ENOTDIR}));
  EXPECT_FALSE(open_directory("/proc")) << "no file can be made there, whoever asks";
  if (geteuid() == 0) return;
  stdfs::permissions(path, stdfs::perms::owner_read | stdfs::perms::owner_exec);
  EXPECT_TRUE(open_directory(path).is(Errno{EACCES}));
  stdfs::permissions(path, stdfs::perms::owner_all);
}

TEST_F(OsFileTest, KnowsHowMuchIsFree) {
  auto directory = *open_directory(path);
  auto free = directory->free_bytes();
  ASSERT_TRUE(free);
  const auto expected = stdfs::space(path).available;
  EXPECT_NEAR(static_cast<double>(*free), static_cast<double>(expected),
              static_cast<double>(expected) * 0.1 + 1e9);
}

TEST_F(OsFileTest, KnowsADirectoryThatIsInMemory) {
  struct statfs info {};
  if (statfs("/dev/shm", &info) != 0 || info.f_type != 0x01021994)
    GTEST_SKIP() << "/dev/shm is no tmpfs here";
  auto shm = open_directory("/dev/shm");
  ASSERT_TRUE(shm);
  EXPECT_TRUE(*(*shm)->in_memory());
  EXPECT_TRUE((*shm)->create_hidden());
  ASSERT_EQ(statfs(path.c_str(), &info), 0);
  EXPECT_EQ(*(*open_directory(path))->in_memory(), info.f_type == 0x01021994);
}

}  // namespace
}  // namespace scratchfs::base
