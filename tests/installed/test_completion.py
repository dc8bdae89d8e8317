"""Completion in bash: what it proposes is what --help-all knows. zsh's is parsed."""
import os
import shlex
import subprocess
import unittest

from installed import flags_of, help_pages, mount_options, mounted, prefix, program, run, temporary_directory

# Does what readline does with the words before the cursor; `complete` has registered the function.
COMPLETE = r"""
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
breaks=$'\t\n ><=;|&(:"'\'
COMP_WORDS=() COMP_CWORD=0
[[ $(complete -p scratchfs) == 'complete -F _scratchfs scratchfs' ]] || exit 9
compopt() { :; }
_scratchfs "$3"
[[ ${#COMPREPLY[@]} == 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
"""


def proposals(line):
    done = subprocess.run(["bash", "-u", "-c", COMPLETE, "bash",
                           str(prefix() / "share/bash-completion/completions/scratchfs"), line, program()],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, ""), f"{line!r}: {done.returncode} {done.stderr}"
    return sorted(done.stdout.splitlines())


class Bash(unittest.TestCase):
    def test_commands(self):
        commands = sorted(name for name in help_pages() if name)
        self.assertGreaterEqual(len(commands), 7)
        self.assertEqual([word for word in proposals("scratchfs ") if word in commands], commands)
        self.assertEqual(proposals("scratchfs statu"), ["status"])

    def test_flags_of_every_command(self):
        for command, page in help_pages().items():
            proposed = proposals(f"scratchfs {command} -" if command else "scratchfs -")
            self.assertLessEqual(set(flags_of(page)), set(proposed), command)

    def test_every_mount_option(self):
        wanted = sorted(name + "=" * bool(value) for name, value in mount_options())
        self.assertGreater(len(wanted), 14)
        self.assertEqual(proposals("scratchfs /scratch -o "), wanted)
        self.assertEqual(proposals("scratchfs run -o "), wanted)
        self.assertEqual(proposals("scratchfs set /scratch -o quota"), ["quota=", "quota_inodes="])
        self.assertEqual(proposals("scratchfs set /scratch -o life"), [])

    # Readline replaces only what follows the last =, so that is what the proposals begin with.
    def test_the_next_option_of_a_list(self):
        self.assertEqual(proposals("scratchfs /scratch -o memory=1G,lifet"), ["1G,lifetime="])
        self.assertEqual(proposals("scratchfs /scratch -o nonempty,lifet"), ["nonempty,lifetime="])

    def test_what_an_option_may_be(self):
        self.assertEqual(proposals("scratchfs /scratch -o lifetime="), ["claimed", "mount", "strict"])
        self.assertEqual(proposals("scratchfs /scratch -o memory=1G,io_uring=o"), ["off", "on"])
        self.assertEqual(proposals("scratchfs /scratch -o log_level=w"), ["warning"])
        self.assertEqual(proposals("scratchfs /scratch -o memory="), [])

    def test_mount_points_of_scratchfs_alone(self):
        place = temporary_directory() / "with space"
        place.mkdir()
        with mounted(place):
            for command in ("status", "umount", "quota", "set"):
                proposed = proposals(f"scratchfs {command} ")
                self.assertIn(str(place), proposed)
                self.assertNotIn("/proc", proposed)

    def test_users_and_commands(self):
        self.assertIn("root", proposals("scratchfs quota /scratch --user ro"))
        self.assertIn("bash", proposals("scratchfs run bas"))
        self.assertIn("bash", proposals("scratchfs run -o memory=1G -- bas"))

    def test_files_to_keep(self):
        directory = temporary_directory()
        (directory / "file").touch()
        self.assertEqual(proposals(f"scratchfs keep {shlex.quote(str(directory))}/"), [f"{directory}/file"])


class Zsh(unittest.TestCase):
    def test_has_no_mistake_of_syntax(self):
        run("zsh", "-n", str(prefix() / "share/zsh/vendor-completions/_scratchfs"), env={**os.environ, "HOME": "/nonexistent"})


if __name__ == "__main__":
    unittest.main()
