"""systemd-tmpfiles --clean deletes old files; the line that is installed keeps it off a scratchfs."""
import os
import pathlib
import subprocess
import unittest

from installed import mounted, prefix, temporary_directory


def clean(directory, *rules):
    (directory / "rules.conf").write_text("\n".join(rules) + "\n")
    subprocess.run(["systemd-tmpfiles", "--clean", str(directory / "rules.conf")], check=True)


class Tmpfiles(unittest.TestCase):
    def setUp(self):
        self.directory = temporary_directory()
        self.place = self.directory / "scratch"
        self.place.mkdir()

    def line(self):
        lines = (prefix() / "lib/tmpfiles.d/scratchfs.conf").read_text().splitlines()
        self.assertIn("x /scratch/*", lines)
        return f"x {self.place}/*"

    def fill(self):
        for name in ("old", "dir/old"):
            path = self.place / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
            os.utime(path, (1, 1))

    def names(self):
        return sorted(str(path.relative_to(self.place)) for path in self.place.rglob("*"))

    def test_leaves_a_scratchfs_alone(self):
        with mounted(self.place, "memory=16M,lifetime=mount"):
            self.fill()
            clean(self.directory, f"q {self.place} 1777 root root 0", self.line())
            self.assertEqual(self.names(), ["dir", "dir/old", "old"])

    def test_without_the_line_all_would_be_deleted(self):
        with mounted(self.place, "memory=16M,lifetime=mount"):
            self.fill()
            clean(self.directory, f"q {self.place} 1777 root root 0")
            self.assertEqual(self.names(), [])

    def test_cleaning_what_is_above_stops_at_the_mount(self):
        with mounted(self.place, "memory=16M,lifetime=mount"):
            self.fill()
            clean(self.directory, f"q {self.directory} 0755 root root 0")
            self.assertEqual(self.names(), ["dir", "dir/old", "old"])


if __name__ == "__main__":
    unittest.main()
