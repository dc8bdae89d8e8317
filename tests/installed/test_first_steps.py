"""What README says to do on a server, as it is written there, on a copy of this machine."""
import os
import re
import shlex
import unittest

from installed import SOURCE, run, temporary_directory

# $1: an empty directory, $2: the package, $3: a script to be run there. The copy is an overlay of /, in namespaces of
# its own, so that neither a file nor a process of it is left.
COPY = r"""
set -euo pipefail
mount -t tmpfs copy "$1"
mkdir "$1"/upper "$1"/work "$1"/copy
mount -t overlay copy -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work "$1"/copy
mount -t proc proc "$1"/copy/proc
mount --rbind /sys "$1"/copy/sys
mount --rbind /dev "$1"/copy/dev
mkdir -p "$1"/copy/root/clone/build/package
cp "$2" "$1"/copy/root/clone/build/package
cp "$3" "$1"/copy/root/walk
cd "$1"/copy
exec chroot . setsid --wait bash -euo pipefail /root/walk
"""

# No /scratch from before, and two users. `top` has a terminal, where q is typed.
SETTING = r"""
export DEBIAN_FRONTEND=noninteractive TERM=xterm
sed -i '\#[[:blank:]]/scratch[[:blank:]]#d' /etc/fstab
rm -rf /scratch
for user in alice bob; do id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"; done
cd /root/clone
scratchfs() {
  if [[ $1 == top ]]; then script -qec "scratchfs top $2" /dev/null <<<q; else command scratchfs "$@"; fi
}
"""
# Each of them has something open as long as /scratch is mounted.
USE = r"""
users=()
for user in alice bob; do
  setpriv --reuid="$user" --regid="$user" --clear-groups \
    sh -c 'exec 3>/scratch/"$0"; head -c 1M /dev/zero >&3; exec sleep 600' "$user" &
  users+=($!)
done
until [[ $(command scratchfs status /scratch --json | grep -c '"bytes": 1048576,$') == 2 ]]; do sleep 0.05; done
"""
NO_USE = 'kill "${users[@]}"; wait\n'


def commands():
    """The lines of README for a server, without their remarks."""
    text = (SOURCE / "README.md").read_text()
    block, = re.findall(r"^On the server, as root.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].rstrip() for line in block.splitlines()]


class FirstSteps(unittest.TestCase):
    def walk(self):
        """What each line printed."""
        directory = temporary_directory()
        run("cpack", "-G", "DEB", "-B", str(directory / "packages"), cwd=os.environ["SCRATCHFS_BUILD"])
        package, = (directory / "packages").glob("scratchfs_*.deb")
        place = directory / "place"
        place.mkdir()
        script = SETTING
        for line in commands():
            if line.startswith("umount"):
                script += NO_USE
            script += f"printf '\\n==== %s\\n' {shlex.quote(line)}\n{line}\n"
            if line.startswith("mount"):
                script += USE
        walk = directory / "walk"
        walk.write_text(script + "printf '\\n==== END\\n'\n! findmnt /scratch\n")
        said = run("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", COPY, "bash", str(place),
                   str(package), str(walk), timeout=240)
        parts = re.split(r"^==== (.*)\n", said, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2]))

    def test_lead_to_a_scratch_for_two_users(self):
        said = self.walk()
        self.assertEqual(list(said), commands() + ["END"])
        self.assertRegex(said["su -l alice -c 'df -h /scratch'"], r"\nscratchfs +1\.0G ")
        self.assertIn("scratchfs on /scratch: scratchfs ", said["scratchfs status /scratch"])
        for command in ("scratchfs quota /scratch", "scratchfs status /scratch"):
            self.assertRegex(said[command], r"\nalice +1\.0M +1\.0G ")
            self.assertRegex(said[command], r"\nbob +1\.0M +4\.0G ")
        for user in ("alice", "bob"):
            self.assertIn(user, said["scratchfs top /scratch"])
        self.assertEqual(said["su -l bob -c 'echo $TMPDIR'"].strip(), "/scratch")


if __name__ == "__main__":
    unittest.main()
