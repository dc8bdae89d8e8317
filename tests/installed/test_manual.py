"""The manual pages: clean for man, and true to --help-all in both directions."""
import os
import re
import subprocess
import unittest

from installed import SOURCE, flags_of, help_pages, mount_options, prefix

PAGES = {"scratchfs": "man1/scratchfs.1", "mount.scratchfs": "man8/mount.scratchfs.8"}


def plain(page, width=200):
    """A page as it is read, without bold and underline."""
    done = subprocess.run(["man", "--warnings=w", "--local-file", str(prefix() / "share/man" / PAGES[page])],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "MANWIDTH": str(width), "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": "",
                               "GROFF_NO_SGR": "1", "MANPAGER": "cat"})
    text = re.sub(r".\x08", "", done.stdout).replace("\u2010", "-").replace("\u2212", "-")
    return text, done.stderr, done.returncode


def section(name):
    """The lines of a section of scratchfs(1), up to the next."""
    return re.search(rf"^{name}\n(.*?)^\S", plain("scratchfs")[0], re.MULTILINE | re.DOTALL)[1]


def command_section(command):
    """What the manual says of one command; of "" what holds for all."""
    found = re.search(rf"^   {command or 'Everywhere'}\n(.*?)(?=^ {{0,3}}\S)", plain("scratchfs")[0], re.MULTILINE | re.DOTALL)
    assert found, f"{command} has no section"
    return found[1]


def tags(text):
    """What stands at the margin of paragraphs, as options do: one set of words for each."""
    return [line.strip() for line in text.splitlines() if re.match(r"       \S", line)]


class Manual(unittest.TestCase):
    def test_is_clean(self):
        for page in PAGES:
            text, warnings, code = plain(page)
            self.assertEqual((warnings, code), ("", 0), page)
            self.assertGreater(len(text), 1000)

    def test_mandoc_finds_nothing_either(self):
        for path in PAGES.values():
            done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(prefix() / "share/man" / path)],
                                  stdout=subprocess.PIPE, text=True)
            self.assertEqual(done.stdout, "")

    def test_every_flag_of_the_help_is_in_the_manual(self):
        everywhere = set(flags_of(help_pages()[""]))
        for command, page in help_pages().items():
            text = command_section(command)
            for flag in set(flags_of(page)) - (everywhere if command else set()):
                self.assertRegex(text, rf"(?<![\w-]){re.escape(flag)}(?![\w-])", command)

    def test_every_flag_of_the_manual_is_in_the_help(self):
        for command, page in help_pages().items():
            for tag in tags(command_section(command)):
                for flag in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", tag) if tag.startswith("-") else ():
                    self.assertRegex(page, rf"(?<![\w-]){re.escape(flag)}(?![\w-])", command)

    def test_both_know_the_same_commands(self):
        headings = re.findall(r"^   (\S+)\n", section("COMMANDS"), re.MULTILINE)
        self.assertEqual(sorted(headings), sorted([*filter(None, help_pages()), "Everywhere"]))

    def test_both_know_the_same_mount_options(self):
        listed = set()
        for tag in tags(section("OPTIONS")):
            if re.fullmatch(r"[a-z_]+(=\S+)?(, [a-z_]+(=\S+)?)*", tag):
                listed |= set(re.findall(r"([a-z_]+)(?==|,|$)", tag))
        self.assertEqual(listed, {name for name, _ in mount_options()})

    def test_the_version_is_the_programs(self):
        version = re.search(r"^  VERSION (\S+)$", (SOURCE / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
        for path in PAGES.values():
            self.assertIn(f'"scratchfs {version}"', (prefix() / "share/man" / path).read_text())


if __name__ == "__main__":
    unittest.main()
