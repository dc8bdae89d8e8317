"""Completion in bash: what it proposes is what --help-all knows. In zsh a few lines."""
import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import termios
import unittest

from installed import flags_of, help_pages, mount_options, mounted, prefix, program, temporary_directory

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
    """An interactive zsh on a terminal; the only way to complete anything."""

    def setUp(self):
        tools = temporary_directory()
        (tools / "scratchfs").symlink_to(program())
        self.shell, self.terminal = pty.fork()
        if self.shell == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"],
                       {"PATH": f"{tools}:/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb", "PS1": "ready> "})
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 50, 500, 0, 0))
        functions = prefix() / "share/zsh/vendor-completions"
        self.type(f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; bindkey '^I' complete-word\n")
        self.type("echo loa''ded\n")
        self.wait_for("loaded")

    def tearDown(self):
        os.kill(self.shell, signal.SIGKILL)
        os.waitpid(self.shell, 0)
        os.close(self.terminal)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def wait_for(self, text):
        shown = ""
        while text not in shown:
            readable, _, _ = select.select([self.terminal], [], [], 30)
            self.assertTrue(readable, f"{text!r} did not come, but {shown!r}")
            shown += os.read(self.terminal, 65536).decode(errors="replace")
        self.type("\x15")  # an empty line again

    def test_commands_flags_options_values_and_what_is_run(self):
        for typed, shown in (("scratchfs unk", "eep "), ("scratchfs quota --ever", "yone "),
                             ("scratchfs /mnt -o memory=1G,lifet", "ime="), ("scratchfs /mnt -o lifetime=cl", "aimed"),
                             ("scratchfs run -o memory=1G -- cat /etc/debian_ver", "sion ")):
            self.type(typed + "\t")
            self.wait_for(shown)


if __name__ == "__main__":
    unittest.main()
