#!/usr/bin/env bash
# Builds the packages and tests them in a fresh Debian, which debootstrap creates in a temporary directory: installs,
# mounts by hand and from fstab, upgrades while a file is kept, removes and purges; then boots it (systemd-nspawn) and
# tests the service. Finally configures the source tarball and compares its contents with the checkout. Needs root,
# debootstrap, systemd-container and the network; takes about three minutes. Leaves nothing behind.
#
# usage: scripts/test-package.sh [--suite NAME] [--keep-tree DIR] [--packages DIR]
#   --suite NAME      bookworm (default), trixie or sid
#   --keep-tree DIR   keep the Debian tree in DIR for later runs; it is created if it is missing
#   --packages DIR    test the packages in DIR, which were built in that release (scripts/test-releases.sh), and no
#                     source tarball
#
# SCRATCHFS_DEB_MIRROR=URL names the Debian mirror.
source "$(dirname -- "$0")/lib.sh"
source scripts/debian.sh

suite=bookworm keep_tree='' packages=''
parse_options "$@"
need_root "debootstrap and mounting need root"
for tool in debootstrap:debootstrap systemd-nspawn:systemd-container; do
  command -v "${tool%:*}" >/dev/null || die "${tool%:*} is missing: apt-get install ${tool#*:}"
done
in_own_mount_namespace "$@"
make_run_dir package
readonly tree=$run/tree

in_tree() { chroot "$tree" "$@"; }
expect() { # WHAT COMMAND...
  "${@:2}" >"$run/said" 2>&1 || {
    cat -- "$run/said" >&2
    die "not so: $1"
  }
  echo "ok: $1"
}
not() { ! "$@"; }

make_packages() {
  if [[ -n $packages ]]; then
    mkdir -- "$run/packages"
    cp -- "$(given_path "$packages")"/*.deb "$run/packages/"
    return
  fi
  build package
  make_debs "$run/packages"
  (cd build/package && cpack --config CPackSourceConfig.cmake -B "$run/packages")
  rm -rf -- "$run/packages/_CPack_Packages"
  ls -l -- "$run/packages"
}

make_tree() {
  local base=$run/base
  [[ -z $keep_tree ]] || base=$(given_path "$keep_tree")
  make_base "$suite" "$base" "$run/said" || die "debootstrap failed"
  mkdir -- "$run/changes"
  mount -t tmpfs changes "$run/changes"
  # A spill directory that supports O_TMPFILE and O_DIRECT, which an overlay on a tmpfs does not.
  mkdir -- "$run/spill" "$run/changes/spill"
  mount --bind "$run/spill" "$run/changes/spill"
  enter_tree "$base" "$run/changes"
  mount -t sysfs -o ro sysfs "$tree/sys"
  : >"$tree/dev/fuse"
  mount --bind /dev/fuse "$tree/dev/fuse"
  cp -- "$run"/packages/*.deb "$tree/root/"
  in_tree apt-get -qq update || die "apt-get update failed in the tree"
}

package() { basename -- "$run"/packages/scratchfs_"$1"*.deb; }

files_of_it() {
  find "$tree" -xdev -name '*scratchfs*' -not -path "$tree/root/*" -not -path "$tree/proc/*" \
    -not -path '*/var/cache/apt/*' -not -path '*/var/log/*'
}

all_files_exist() {
  # shellcheck disable=SC2016  # for the inner shell
  in_tree sh -c 'dpkg -L scratchfs | while IFS= read -r file; do test -e "$file" || exit 1; done'
}

check_install() {
  expect "apt installs it, with what it depends on" in_tree apt-get -qq -y install "/root/$(package 0)"
  expect "the command is found" in_tree scratchfs --version
  expect "every file of the package is there" all_files_exist
  expect "dpkg finds no file changed" in_tree dpkg --verify scratchfs
}

check_mounts() {
  in_tree mkdir -p /scratch /srv/scratch
  expect "it mounts" in_tree scratchfs /scratch -o memory=32M
  expect "it holds what is kept" in_tree sh -c \
    'echo before >/scratch/f 3>>/scratch/f; mkdir /scratch/d; echo before >/scratch/d/f; scratchfs keep /scratch/d'
  echo 'scratchfs /srv/scratch fuse.scratchfs memory=16M,nofail 0 0' >>"$tree/etc/fstab"
  expect "mount -a mounts what fstab says" in_tree mount -a
  expect "findmnt finds it" in_tree findmnt -n --mountpoint /srv/scratch -t fuse.scratchfs
  expect "umount ends it" in_tree umount /srv/scratch
}

daemon() {
  in_tree scratchfs status /scratch --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'
}

check_upgrade() {
  local before
  before=$(daemon)
  expect "dpkg upgrades it" in_tree dpkg -i "/root/$(package 99)"
  expect "the mount's daemon is the same" test "$(daemon)" = "$before"
  expect "what was kept is still there" grep -qx before "$tree/scratch/d/f"
  expect "the new command talks to the old daemon" in_tree scratchfs status /scratch
}

check_removal() {
  expect "apt removes it" in_tree apt-get -qq -y remove scratchfs
  expect "the command is gone" not in_tree test -e /usr/bin/scratchfs
  expect "a mount made by hand goes on" grep -qx before "$tree/scratch/d/f"
  expect "umount ends that, too" in_tree umount /scratch
  expect "apt purges it" in_tree apt-get -qq -y purge scratchfs
  files_of_it >"$run/left"
  expect "no file of it is left: $(tr '\n' ' ' <"$run/left")" test ! -s "$run/left"
}

check_systemd() {
  local started=multi-user.target.wants
  in_tree apt-get -qq -y install "/root/$(package 0)" >"$run/said" 2>&1 || die "apt cannot install the package again"
  cp -- scripts/test-package/in-systemd.sh "$tree/root/"
  mkdir -p -- "$tree/root/demo.service.d" "$tree/etc/systemd/system/$started"
  cp -- docs/recipes/systemd/scratch.conf "$tree/root/demo.service.d/"
  cat >"$tree/etc/systemd/system/try.service" <<'UNIT'
[Service]
ExecStart=/root/in-systemd.sh
StandardOutput=file:/root/result
UNIT
  ln -s ../try.service "$tree/etc/systemd/system/$started/try.service"
  # systemd-nspawn mounts its own, for its namespaces, only where nothing is mounted.
  umount -- "$tree/proc" "$tree/sys" "$tree/dev/fuse"
  timeout 300 systemd-nspawn --quiet --register=no --keep-unit --machine=scratchfs-test --bind=/dev/fuse \
    --capability=all --boot --directory="$tree" >"$run/boot" 2>&1 || true
  cat -- "$tree/root/result" || tail -n 20 -- "$run/boot"
  grep -qx END "$tree/root/result" || die "systemd did not get to the end of it"
  ! grep -q '^not so' "$tree/root/result" || die "the service is not as it should be, see above"
}

check_source() {
  local top
  mkdir -- "$run/source"
  cat -- "$run"/packages/scratchfs-*.tar.xz | tar -C "$run/source" -xJ
  top=$(echo "$run"/source/*)
  if git rev-parse --git-dir >/dev/null 2>&1; then
    (cd "$top" && find . -type f | sed 's|^\./||' | sort) >"$run/packed"
    git ls-files | sort >"$run/tracked"
    expect "the tarball holds all that is checked in" sh -c "test -z \"\$(comm -13 '$run/packed' '$run/tracked')\""
  fi
  mkdir -p -- "$top/build"
  ln -s -- "$root/build/deps" "$top/build/deps"
  expect "it can be configured" cmake -S "$top" --preset release -DBUILD_TESTING=OFF
}

say "packages"
make_packages
say "a fresh Debian"
make_tree
say "install"
check_install
check_mounts
say "upgrade"
check_upgrade
say "remove"
check_removal
say "systemd"
check_systemd
if [[ -z $packages ]]; then
  say "source"
  check_source
fi
say "the packages are good, after $SECONDS s"
