// mount(8), fstab(5) and findmnt(8), in a mount namespace with the test's own /etc/fstab.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

class Fstab : public testing::Test {
 protected:
  void SetUp() override {
    ensure_environment();
    at_ = make_directory("fstab");
    point_ = at_ + "/scratch";
    ASSERT_EQ(mkdir(point_.c_str(), 0755), 0);
  }
  void TearDown() override {
    EXPECT_TRUE(eventually([&] { return processes_naming(at_).empty(); }, 10))
        << "a process is left over";
  }
  // Writes a line for point_ with these options.
  void write_fstab(const std::string& options) const {
    make_file((at_ + "/fstab").c_str(), "work " + point_ + " fuse.scratchfs " + options + " 0 0\n");
  }
  // Runs a script in the namespace. $1 is the directory; `as_nobody` runs a command as that user.
  // mount.fuse3 looks for the command only in the system's directories.
  Finished in_namespace(const std::string& script) const {
    const std::string prelude =
        "set -eu; mount --bind \"$1/fstab\" /etc/fstab; mount --bind \"$2\" /usr/local/bin\n"
        "at=$1/scratch\n"
        "as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }\n"
        "there() { findmnt --noheadings --output FSTYPE,SOURCE --mountpoint \"$at\"; }\n";
    return run({"unshare", "--mount", "bash", "-c", prelude + script, "bash", at_,
                std::filesystem::path(scratchfs_binary()).parent_path()});
  }

  std::string at_;
  std::string point_;
};

TEST_F(Fstab, MountAllMountsItOnce) {
  write_fstab("memory=16M,quota=8M,io_uring=off,nofail,_netdev,x-systemd.requires-mounts-for=/var");
  const Finished finished = in_namespace("mount -a; there; mount -a; there; umount \"$at\"");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(finished.out, "fuse.scratchfs work\nfuse.scratchfs work\n");
}

TEST_F(Fstab, AnotherFileThanTheMachinesWillDo) {
  write_fstab("memory=16M,io_uring=off,nofail");
  const Finished finished =
      in_namespace("umount /etc/fstab; mount -a -T \"$1/fstab\"; there; umount \"$at\"; ! there");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, "fuse.scratchfs work\n");
}

TEST_F(Fstab, FindmntVerifiesTheLine) {
  write_fstab("memory=16M,spill_dir=/var/tmp,nofail");
  const Finished finished = in_namespace("findmnt --verify --verbose");
  EXPECT_EQ(finished.code, 0) << finished.out << finished.err;
}

TEST_F(Fstab, AUserMountsAndUnmountsWhatTheLineAllows) {
  write_fstab("noauto,user,memory=16M,io_uring=off");
  ASSERT_EQ(chown(point_.c_str(), kNobody, kNobody), 0);
  const Finished finished = in_namespace(
      "mount -a; ! there; as_nobody mount \"$at\"; there; as_nobody touch \"$at/f\"\n"
      "as_nobody stat --format=%U:%a \"$at\"; as_nobody umount \"$at\"; ! there");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, "fuse.scratchfs work\nnobody:700\n");
}

TEST_F(Fstab, WithoutTheOptionUserOnlyRootMayMount) {
  write_fstab("noauto,memory=16M,io_uring=off");
  const Finished finished =
      in_namespace("! as_nobody mount \"$at\"; mount \"$at\"; there; umount \"$at\"");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, "fuse.scratchfs work\n");
}

TEST_F(Fstab, AMistakeInTheLineIsToldInOneLine) {
  write_fstab("noauto,memory=much,io_uring=off");
  const Finished finished = in_namespace("mount \"$at\"");
  EXPECT_NE(finished.code, 0);
  EXPECT_NE(finished.err.find("scratchfs: -o memory=much: "), std::string::npos) << finished.err;
}

}  // namespace
}  // namespace scratchfs::harness
