"""TMPDIR=/scratch by a profile, by PAM for all and for a group, and by environment.d."""
import os
import pathlib
import subprocess
import unittest

from installed import mounted, prefix, run, temporary_directory


def example(name):
    return (prefix() / "share/doc/scratchfs/examples/environment" / name).read_text()


class Profile(unittest.TestCase):
    def setUp(self):
        self.directory = temporary_directory()
        self.place = self.directory / "scratch"
        self.place.mkdir()
        self.profile = self.directory / "profile.sh"
        self.profile.write_text(example("profile.sh").replace("/scratch", str(self.place)))

    def tmpdir(self, shell="dash", **environment):
        environment = {"HOME": str(self.directory), "PATH": os.environ["PATH"], **environment}
        return run(shell, "-euc", '. "$0"; printf %s "${TMPDIR-none}"', str(self.profile), env=environment)

    def test_where_a_scratchfs_is_mounted_it_is_used(self):
        with mounted(self.place):
            for shell in ("dash", "bash"):
                self.assertEqual(self.tmpdir(shell), str(self.place))

    def test_else_nothing_is_changed(self):
        self.assertEqual(self.tmpdir(), "none")

    def test_a_user_may_have_another_or_none(self):
        with mounted(self.place):
            self.assertEqual(self.tmpdir(TMPDIR="/var/tmp"), "/var/tmp")
            (self.directory / ".no-scratch").touch()
            self.assertEqual(self.tmpdir(), "none")


# In a mount namespace where PAM finds the files of $1: su(1) asks it for a session.
SU = r"""
set -e
for file in "$1"/security/*; do
  [ -e /etc/security/"${file##*/}" ] || continue
  mount --bind "$file" /etc/security/"${file##*/}"
done
mount --bind "$1"/su /etc/pam.d/su
su -s /bin/sh "$2" -c 'printf %s "${TMPDIR-none}"'
"""


class Pam(unittest.TestCase):
    def setUp(self):
        self.directory = temporary_directory()
        (self.directory / "security").mkdir()

    def tmpdir_of(self, user, su):
        (self.directory / "su").write_text("auth sufficient pam_rootok.so\naccount sufficient pam_rootok.so\n"
                                            "session required pam_permit.so\n" + su)
        environment = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
        return run("unshare", "--mount", "sh", "-c", SU, "sh", str(self.directory), user, env=environment)

    def test_for_everybody(self):
        (self.directory / "security/pam_env.conf").write_text(example("pam_env.conf"))
        self.assertEqual(self.tmpdir_of("nobody", "session required pam_env.so\n"), "/scratch")
        self.assertEqual(self.tmpdir_of("root", "session required pam_env.so\n"), "/scratch")

    def test_for_a_group(self):
        file = self.directory / "scratchfs.conf"
        file.write_text(example("pam_env.conf"))
        lines = example("pam_group").replace("/etc/security/scratchfs.conf", str(file))
        lines = lines.replace("ingroup scratch", "ingroup nogroup")
        self.assertEqual(self.tmpdir_of("nobody", lines), "/scratch")
        self.assertEqual(self.tmpdir_of("root", lines), "none")


class EnvironmentD(unittest.TestCase):
    def test_systemd_reads_it(self):
        home = temporary_directory()
        place = home / ".config/environment.d"
        place.mkdir(parents=True)
        (place / "scratchfs.conf").write_text(example("environment.d.conf"))
        said = run("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator",
                   env={"HOME": str(home), "PATH": os.environ["PATH"]})
        self.assertIn("TMPDIR=/scratch\n", said)


if __name__ == "__main__":
    unittest.main()
