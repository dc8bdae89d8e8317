"""The units: systemd finds nothing wrong with them, and what they would do is what the manual says."""
import configparser
import json
import os
import pathlib
import shlex
import subprocess
import unittest

from installed import eventually, mounted, prefix, program, run, temporary_directory

GENERATOR = "/usr/lib/systemd/system-generators/systemd-fstab-generator"
# Each gives the service a mount namespace, where nobody else sees what it mounts (systemd.exec(5)).
HIDES_THE_MOUNT = {
    "PrivateMounts", "PrivateTmp", "PrivateDevices", "PrivateUsers", "PrivateIPC", "ProtectSystem", "ProtectHome",
    "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectProc",
    "ProcSubset", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "BindPaths",
    "BindReadOnlyPaths", "TemporaryFileSystem", "RootDirectory", "RootImage", "MountFlags", "DynamicUser",
    "RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory", "LoadCredential",
}


def verify(*units):
    """What systemd says about units: nothing, if all is well."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, units)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def unit_file():
    return prefix() / "lib/systemd/system/scratchfs@.service"


def sections(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read_string(pathlib.Path(path).read_text())
    return parser


class Service(unittest.TestCase):
    def test_is_a_good_unit_for_any_mount_point(self):
        directory = temporary_directory()
        for instance in ("scratch", "data-my\\x2dscratch", "with\\x20space"):
            copy = directory / f"scratchfs@{instance}.service"
            copy.write_text(unit_file().read_text())
            self.assertEqual(verify(copy), (0, ""), instance)

    def test_a_mistake_in_it_would_be_found(self):
        broken = temporary_directory() / "scratchfs@broken.service"
        broken.write_text(unit_file().read_text().replace("WatchdogSec=3min", "WatchdogSec=soon"))
        self.assertIn("Failed to parse sec value", verify(broken)[1])

    def test_starts_the_command_that_was_installed(self):
        self.assertIn(f"ExecStart={prefix()}/bin/scratchfs mount --foreground", unit_file().read_text())
        self.assertNotIn("@", unit_file().read_text().replace("scratchfs@", "").replace("modprobe@", "")
                         .replace("=@system-service @mount", ""))

    def test_leaves_the_mount_to_be_seen_by_all(self):
        used = set(sections(unit_file())["Service"])
        self.assertEqual(used & HIDES_THE_MOUNT, set())

    def test_says_when_it_is_ready_and_is_watched(self):
        service = sections(unit_file())["Service"]
        self.assertEqual((service["Type"], service["NotifyAccess"]), ("notify", "all"))
        self.assertIn("WatchdogSec", service)


    def test_reloading_it_reads_the_limits_again(self):
        place = temporary_directory() / "scratch"
        place.mkdir()
        limits = place.parent / "limits"
        limits.write_text("nobody 1M\n")
        reload = sections(unit_file())["Service"]["ExecReload"].replace("$$", "$")

        def limit():
            users = json.loads(run(program(), "quota", str(place), "--json", user="nobody", group="nogroup"))["users"]
            return users[0]["bytes_limit"]

        with mounted(place, f"memory=16M,quota_file={limits}"):
            self.assertEqual(limit(), 1 << 20)
            limits.write_text("nobody 2M\n")
            pid = json.loads(run(program(), "status", str(place), "--json"))["pid"]
            run(*shlex.split(reload), env={**os.environ, "MAINPID": str(pid)})
            eventually(lambda: limit() == 2 << 20)


class Fstab(unittest.TestCase):
    def units_of(self, line):
        directory = temporary_directory()
        (directory / "fstab").write_text(line + "\n")
        run(GENERATOR, *[str(directory)] * 3, env={**os.environ, "SYSTEMD_FSTAB": str(directory / "fstab")})
        return directory

    def test_a_line_becomes_a_good_mount_unit(self):
        units = self.units_of("scratchfs  /scratch  fuse.scratchfs  memory=8G,spill_dir=/data/tmp,quota=20G,nofail,"
                              "x-systemd.requires-mounts-for=/data  0  0")
        mount = sections(units / "scratch.mount")
        self.assertEqual(dict(mount["Mount"]), {
            "What": "scratchfs", "Where": "/scratch", "Type": "fuse.scratchfs",
            "Options": "memory=8G,spill_dir=/data/tmp,quota=20G,nofail,x-systemd.requires-mounts-for=/data"})
        self.assertEqual(mount["Unit"]["RequiresMountsFor"], "/data")
        self.assertTrue((units / "local-fs.target.wants/scratch.mount").is_symlink())
        self.assertEqual(verify(units / "scratch.mount"), (0, ""))

    def test_an_automount_waits_to_be_used(self):
        units = self.units_of("scratchfs  /scratch  fuse.scratchfs  noauto,x-systemd.automount,x-systemd.idle-timeout=1h 0 0")
        self.assertEqual(sections(units / "scratch.automount")["Automount"]["TimeoutIdleSec"], "1h")
        self.assertEqual(verify(units / "scratch.mount", units / "scratch.automount"), (0, ""))


if __name__ == "__main__":
    unittest.main()
