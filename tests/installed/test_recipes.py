"""The files of docs/recipes: all can be read by what they are for; the scripts do what they say."""
import os
import pathlib
import tomllib
import unittest

import yaml

from installed import SOURCE, program, run, temporary_directory

RECIPES = SOURCE / "docs/recipes"


def mount_at(place):
    """Type, source and options of what is mounted there, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        if fields[4] == str(place):
            kind, source, options = fields[fields.index("-") + 1:]
            return kind, source, options
    return None


class Files(unittest.TestCase):
    def test_every_file_is_told_of(self):
        text = (SOURCE / "docs/recipes.md").read_text()
        for path in RECIPES.rglob("*"):
            if path.is_file():
                self.assertIn(f"(recipes/{path.relative_to(RECIPES)})", text)

    def test_yaml_and_toml_can_be_read(self):
        for path in RECIPES.rglob("*.yaml"):
            self.assertTrue(yaml.safe_load(path.read_text()), path)
        for path in RECIPES.rglob("*.toml"):
            self.assertTrue(tomllib.loads(path.read_text()), path)

    def test_kubernetes_hands_the_mount_on(self):
        pod = yaml.safe_load((RECIPES / "kubernetes/daemonset.yaml").read_text())["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounts = {mount["name"]: mount.get("mountPropagation") for mount in pod["containers"][0]["volumeMounts"]}
        self.assertEqual((set(mounts), mounts["host"]), (volumes, "Bidirectional"))


class Scripts(unittest.TestCase):
    """Each script runs as its host would run it, with an environment of its own."""

    def setUp(self):
        self.directory = temporary_directory()
        tools = self.directory / "bin"
        tools.mkdir()
        (tools / "scratchfs").symlink_to(program())
        # What the prolog wants to know of the job.
        (tools / "scontrol").write_text("#!/bin/sh\necho \"JobId=$4 MinCPUsNode=1 MinMemoryNode=0 MinTmpDiskNode=$TMP_DISK Features=\"\n")
        (tools / "scontrol").chmod(0o755)
        self.environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711", "SLURM_JOB_UID": "65534",
                            "SCRATCH_ROOT": str(self.directory), "HOME": str(self.directory),
                            "GITHUB_ENV": str(self.directory / "env")}

    def run_script(self, name, **more):
        return run(str(RECIPES / name), env={**self.environment, **more})

    def test_a_slurm_job_has_a_mount_of_its_own(self):
        place = self.directory / "job4711"
        for tmp_disk, size in (("64M", 64 << 20), ("100", 100 << 20), ("0", 20 << 30)):
            self.run_script("slurm/prolog.sh", TMP_DISK=tmp_disk)
            try:
                self.assertEqual(mount_at(place)[:2], ("fuse.scratchfs", "job4711"))
                self.assertEqual((place.stat().st_uid, place.stat().st_mode & 0o7777), (65534, 0o700))
                self.assertEqual(self.run_script("slurm/task_prolog.sh"), f"export TMPDIR={place}\n")
                df = run("df", "--output=size", "-B1", str(place), user=65534, group=65534, extra_groups=[])
                self.assertEqual(int(df.split()[1]), size)
                run("sh", "-c", f"echo x >{place}/f", user=65534, group=65534, extra_groups=[])
                self.assertTrue((place / "f").exists(), "the job holds it")
            finally:
                self.run_script("slurm/epilog.sh")
            self.assertFalse(place.exists())

    def test_an_epilog_without_a_prolog_is_fine(self):
        self.run_script("slurm/epilog.sh")

    def test_a_github_job_has_a_mount_of_its_own(self):
        place = self.directory / "scratch"
        for _ in range(2):
            self.run_script("github-runner/job-started.sh")
            try:
                self.assertEqual(mount_at(place)[0], "fuse.scratchfs")
                self.assertEqual((self.directory / "env").read_text().splitlines()[-1], f"TMPDIR={place}")
                (place / "f").write_text("x")
                self.assertTrue((place / "f").exists())
            finally:
                self.run_script("github-runner/job-completed.sh")
            self.assertIsNone(mount_at(place))


# A node: $1/host is what `hostPath` names, shared as all of a host is. Mount namespaces as Kubernetes makes them.
NODE = r"""
set -eu
mkdir "$1"/host
mount --bind "$1"/host "$1"/host
mount --make-shared "$1"/host
mkfifo "$1"/ready "$1"/go
# A pod that was there before: HostToContainer.
unshare --mount --propagation slave sh -euc ': >"$1"/ready; read -r _ <"$1"/go
  findmnt -n -o FSTYPE --mountpoint "$1"/host/mnt' sh "$1" &
: <"$1"/ready
# The DaemonSet's pod: Bidirectional.
unshare --mount --propagation unchanged sh -euc 'scratchfs umount --dead "$1"/host/mnt; mkdir -p "$1"/host/mnt
  scratchfs mount -o allow_other,memory=16M "$1"/host/mnt' sh "$1"
echo >"$1"/go
wait "$!"
findmnt -n -o FSTYPE --mountpoint "$1"/host/mnt
scratchfs umount "$1"/host/mnt
"""


class Propagation(unittest.TestCase):
    def test_a_mount_made_in_one_pod_is_seen_by_the_host_and_by_others(self):
        tools = temporary_directory()
        (tools / "scratchfs").symlink_to(program())
        host = temporary_directory()
        said = run("unshare", "--mount", "bash", "-c", NODE, "bash", str(host),
                   env={"PATH": f"{tools}:{os.environ['PATH']}"}, timeout=120)
        self.assertEqual(said, "fuse.scratchfs\n" * 2)


if __name__ == "__main__":
    unittest.main()
