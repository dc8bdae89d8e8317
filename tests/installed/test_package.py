"""The Debian package that cpack makes: what is in it, what it asks for, and what its scripts do."""
import os
import re
import unittest

from installed import run, temporary_directory

SCRIPTS = {"postinst", "prerm", "postrm"}


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = temporary_directory()
        run("cpack", "-G", "DEB", "-B", str(cls.directory), cwd=os.environ["SCRATCHFS_BUILD"])
        cls.deb, = cls.directory.glob("scratchfs_*.deb")
        cls.files = cls.directory / "files"
        cls.control = cls.directory / "control"
        run("dpkg-deb", "--extract", str(cls.deb), str(cls.files))
        run("dpkg-deb", "--control", str(cls.deb), str(cls.control))

    def listing(self, deb=None):
        """Path -> (mode, owner) of all that is in the package."""
        lines = run("dpkg-deb", "--contents", str(deb or self.deb)).splitlines()
        return {fields[5].lstrip("."): (fields[0], fields[1]) for fields in (line.split(None, 5) for line in lines)}

    def test_says_what_it_is_and_depends_on_what_it_links(self):
        fields = dict(re.findall(r"^(\S+): (.*)$", (self.control / "control").read_text(), re.MULTILINE))
        self.assertEqual((fields["Package"], fields["Priority"], fields["Section"]), ("scratchfs", "optional", "utils"))
        needed = {name.split(" ")[0] for name in fields["Depends"].split(", ")}
        # A sanitizer's library comes on top of these.
        self.assertLessEqual({"fuse3", "libc6", "libstdc++6", "libssl3", "liburing2", "libnuma1"}, needed)
        self.assertFalse([name for name in needed if "libfuse" in name or name.endswith("-dev")])

    def test_everything_belongs_to_root_and_nobody_else_may_write(self):
        for path, (mode, owner) in self.listing().items():
            self.assertEqual(owner, "root/root", path)
            plain = "drwxr-xr-x" if path.endswith("/") else "-rwxr-xr-x" if mode[3] == "x" else "-rw-r--r--"
            wanted = "lrwxrwxrwx" if " -> " in path else plain
            self.assertEqual(mode, wanted, path)

    def test_holds_what_is_promised(self):
        listing = self.listing()
        for path in ("/usr/bin/scratchfs", "/usr/sbin/mount.fuse.scratchfs -> ../bin/scratchfs", "/usr/lib/systemd/system/scratchfs@.service", "/usr/lib/tmpfiles.d/scratchfs.conf",
                     "/usr/share/man/man1/scratchfs.1.gz", "/usr/share/man/man8/mount.scratchfs.8.gz",
                     "/usr/share/bash-completion/completions/scratchfs", "/usr/share/zsh/vendor-completions/_scratchfs",
                     "/usr/share/doc/scratchfs/copyright", "/usr/share/doc/scratchfs/changelog.gz",
                     "/usr/share/doc/scratchfs/README.md", "/usr/share/doc/scratchfs/docs/recipes.md", "/etc/scratchfs/"):
            self.assertIn(path, listing)
        for path in listing:
            self.assertRegex(path, r"^/(usr/|etc/$|etc/scratchfs/$|$)")

    def test_the_unit_names_the_command_of_the_package(self):
        self.assertIn("ExecStart=/usr/bin/scratchfs ", (self.files / "usr/lib/systemd/system/scratchfs@.service").read_text())

    def test_the_program_is_stripped_and_finds_its_libraries_by_itself(self):
        program = str(self.files / "usr/bin/scratchfs")
        sections = run("readelf", "--section-headers", "--wide", program)
        self.assertNotIn(".debug_info", sections)
        self.assertNotIn(".symtab", sections)
        self.assertNotRegex(run("readelf", "--dynamic", program), "RPATH|RUNPATH")

    def test_the_debug_information_is_that_of_the_program(self):
        ddeb, = self.directory.glob("scratchfs-dbgsym_*.ddeb")
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "--notes", str(self.files / "usr/bin/scratchfs")))[1]
        self.assertIn(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug", self.listing(ddeb))

    def test_its_scripts_can_be_run_and_never_touch_a_mount_in_an_upgrade(self):
        self.assertEqual({path.name for path in self.control.iterdir()}, SCRIPTS | {"control", "md5sums"})
        systemctl = self.directory / "systemctl"
        systemctl.write_text(f'#!/bin/sh\necho "$*" >>{self.directory}/said\n')
        systemctl.chmod(0o755)
        for name, arguments in (("prerm", ("upgrade", "2")), ("postrm", ("upgrade", "2")), ("postinst", ("configure", "1"))):
            # As if systemd were there.
            script = (self.control / name).read_text().replace("/run/systemd/system", "/")
            run("sh", "-s", *arguments, input=script, env={"PATH": f"{self.directory}:{os.environ['PATH']}"})
        self.assertEqual((self.directory / "said").read_text(), "--system daemon-reload\n")

    def test_the_checksums_are_those_of_the_files(self):
        run("md5sum", "--check", "--quiet", str(self.control / "md5sums"), cwd=self.files)


if __name__ == "__main__":
    unittest.main()
