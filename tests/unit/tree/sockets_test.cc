// Sockets: the kernel's list of bound sockets, and how long the tree keeps them.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>

#include "fs/lifetime/bound_sockets.h"
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

TEST(BoundSocketsOfTheKernel, AreThoseOnTheFileSystemAskedFor) {
  std::string directory = std::filesystem::temp_directory_path() / "scratchfs-unit.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/socket";
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  const auto inode = static_cast<std::uint32_t>(status.st_ino);
  const auto bound = lifetime::bound_sockets(status.st_dev);
  ASSERT_TRUE(bound) << bound.error().value();
  EXPECT_TRUE(bound->contains(inode));
  EXPECT_TRUE(lifetime::bound_sockets(status.st_dev + 4096)->empty()) << "another file system";
  close(socket);
  EXPECT_FALSE(lifetime::bound_sockets(status.st_dev)->contains(inode));
  std::filesystem::remove_all(directory);
}

class Sockets : public TreeTest {
 protected:
  Sockets() {
    tree_->watch_sockets([this]() -> base::Result<lifetime::BoundInodes> {
      ++asked_;
      if (fails_) return Errno(EOPNOTSUPP);
      if (!bound_) return lifetime::BoundInodes{};
      return lifetime::BoundInodes{static_cast<std::uint32_t>(bound_.load())};
    });
  }
  // The watch must not outlive the members that it uses.
  ~Sockets() override {
    tree_.reset();
    start({});
  }
  InodeRef make_socket(const InodeRef& directory, const std::string& name) {
    auto made = tree_->make(directory, name, S_IFSOCK | 0600, 0, caller(), Wait::yes);
    EXPECT_TRUE(made);
    bound_ = made->inode->id;
    return made->inode;
  }
  bool goes(const std::string& name, int milliseconds) {
    for (int waited = 0; waited < milliseconds; waited += 10) {
      if (!exists(root_, name)) return true;
      usleep(10'000);
    }
    return false;
  }

  std::atomic<InodeId> bound_ = 0;  // 0: none
  std::atomic<bool> fails_ = false;
  std::atomic<int> asked_ = 0;
};

TEST_F(Sockets, StayWhileAProcessHasThemBound) {
  const auto socket = make_socket(root_, "socket");
  EXPECT_EQ(asked_, 0) << "as long as a claim holds it nobody need ask";
  claimants_.end(kSession);
  EXPECT_FALSE(goes("socket", 800));
  EXPECT_EQ(holders(socket), "a process that has it bound");
  bound_ = 0;
  EXPECT_TRUE(goes("socket", 5000));
}

TEST_F(Sockets, ThatNobodyHasBoundGoWithTheirClaim) {
  make_socket(root_, "socket");
  bound_ = 0;
  claimants_.end(kSession);
  EXPECT_TRUE(goes("socket", 5000));
}

TEST_F(Sockets, HoldTheDirectoryTheyAreIn) {
  const auto directory = make_directory(root_, "agent");
  make_socket(directory, "socket");
  claimants_.end(kSession);
  EXPECT_FALSE(goes("agent", 800));
  bound_ = 0;
  EXPECT_TRUE(goes("agent", 5000));
}

TEST_F(Sockets, GoWithTheirClaimWhereTheKernelCannotTell) {
  make_socket(root_, "socket");
  fails_ = true;
  claimants_.end(kSession);
  EXPECT_TRUE(goes("socket", 5000));
}

TEST_F(Sockets, CanBeUnlinkedWhileTheyAreBound) {
  make_socket(root_, "socket");
  claimants_.end(kSession);
  ASSERT_TRUE(tree_->unlink(root_, "socket", Wait::yes));
  EXPECT_FALSE(exists(root_, "socket"));
}

}  // namespace
}  // namespace scratchfs::tree
