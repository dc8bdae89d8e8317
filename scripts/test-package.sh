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
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
export DEBIAN_FRONTEND=noninteractive
cd -- "$root"

kept='' suite=bookworm made=''
arguments=("$@")
while (($#)); do
  case $1 in
    -h | --help) show_help ;;
    --suite | --keep-tree | --packages)
      [[ -n ${2:-} ]] || usage_error "$1 needs a value"
      case $1 in
        --suite) suite=$2 ;;
        --keep-tree) kept=$(realpath -m -- "$2") ;;
        --packages) made=$(realpath -- "$2") ;;
      esac
      shift
      ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done
[[ $(id -u) -eq 0 ]] || die "debootstrap and mounting need root"
for tool in debootstrap:debootstrap systemd-nspawn:systemd-container; do
  command -v "${tool%:*}" >/dev/null || die "${tool%:*} is missing: apt-get install ${tool#*:}"
done

# Run in a private mount namespace: only this script sees its mounts.
if [[ -z ${SCRATCHFS_TEST_PACKAGE_NAMESPACE:-} ]]; then
  SCRATCHFS_TEST_PACKAGE_NAMESPACE=1 exec unshare --mount --propagation private -- "$root/$self" "${arguments[@]}"
fi

work=$(mktemp -d /tmp/scratchfs-package.XXXXXXXX)
readonly work
readonly tree=$work/tree
clean_up() {
  local status=$?
  trap - EXIT
  set +e
  umount -l -- "$tree/scratch" "$tree/srv/scratch" 2>/dev/null
  umount -R -l -- "$tree" "$work/changes" 2>/dev/null
  rm -rf --one-file-system -- "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

in_tree() { chroot "$tree" "$@"; }
expect() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" >"$work/said" 2>&1 || {
    cat -- "$work/said" >&2
    die "not so: $what"
  }
  echo "ok: $what"
}
refuse() { # WHAT COMMAND...
  local what=$1
  shift
  ! "$@" >"$work/said" 2>&1 || {
    cat -- "$work/said" >&2
    die "not so: $what"
  }
  echo "ok: $what"
}

make_packages() {
  if [[ -n $made ]]; then
    mkdir -- "$work/packages"
    cp -- "$made"/*.deb "$work/packages/"
    return
  fi
  cmake --preset release >/dev/null
  cmake --build --preset release --target scratchfs
  # Without the tests: they are not part of a package.
  local version
  for version in '' 99.0.0; do
    (cd build/release && cpack -G DEB -B "$work/packages" ${version:+-D "CPACK_PACKAGE_VERSION=$version"})
  done
  (cd build/release && cpack --config CPackSourceConfig.cmake -B "$work/packages")
  rm -rf -- "$work/packages/_CPack_Packages"
  ls -l -- "$work/packages"
}

make_tree() {
  local mirror=${SCRATCHFS_DEB_MIRROR:-http://deb.debian.org/debian} base=${kept:-$work/base}
  if [[ ! -e $base/etc/debian_version ]]; then
    debootstrap --variant=minbase --include=fuse3,procps,systemd-sysv,dbus "$suite" "$base" "$mirror" >"$work/said" 2>&1 || {
      tail -n 20 -- "$work/said" >&2
      die "debootstrap failed"
    }
  fi
  # Changes go into an overlay, so that a kept tree stays clean.
  mkdir -p -- "$tree" "$work/changes"
  mount -t tmpfs changes "$work/changes"
  mkdir -- "$work/changes/upper" "$work/changes/work"
  mount -t overlay tree -o "lowerdir=$base,upperdir=$work/changes/upper,workdir=$work/changes/work" "$tree"
  mount -t proc proc "$tree/proc"
  mount -t sysfs -o ro sysfs "$tree/sys"
  : >"$tree/dev/fuse"
  mount --bind /dev/fuse "$tree/dev/fuse"
  [[ ! -e /etc/resolv.conf ]] || cp -L -- /etc/resolv.conf "$tree/etc/resolv.conf"
  # A spill directory that supports O_TMPFILE and O_DIRECT.
  mkdir -p -- "$work/spill"
  mount --bind "$work/spill" "$tree/var/tmp"
  cp -- "$work"/packages/*.deb "$tree/root/"
  echo 'Acquire::Check-Valid-Until "false";' >"$tree/etc/apt/apt.conf.d/90mirror" # a mirror may stand still
  in_tree apt-get -qq update || die "apt-get update failed in the tree"
}

package() { basename -- "$work"/packages/scratchfs_"$1"*.deb; }

files_of_it() { find "$tree" -xdev -name '*scratchfs*' -not -path "$tree/root/*" -not -path "$tree/proc/*" -not -path '*/var/cache/apt/*' -not -path '*/var/log/*'; }

all_files_exist() {
  local file
  while IFS= read -r file; do
    in_tree test -e "$file" || return
  done < <(in_tree dpkg -L scratchfs)
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
  expect "it holds what is kept" in_tree sh -c 'echo before >/scratch/f 3>>/scratch/f; mkdir /scratch/d; echo before >/scratch/d/f; scratchfs keep /scratch/d'
  echo 'scratchfs /srv/scratch fuse.scratchfs memory=16M,nofail 0 0' >>"$tree/etc/fstab"
  expect "mount -a mounts what fstab says" in_tree mount -a
  expect "findmnt finds it" in_tree findmnt -n --mountpoint /srv/scratch -t fuse.scratchfs
  expect "umount ends it" in_tree umount /srv/scratch
}

daemon() { in_tree scratchfs status /scratch --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }

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
  refuse "the command is gone" in_tree test -e /usr/bin/scratchfs
  expect "a mount made by hand goes on" grep -qx before "$tree/scratch/d/f"
  expect "umount ends that, too" in_tree umount /scratch
  expect "apt purges it" in_tree apt-get -qq -y purge scratchfs
  files_of_it >"$work/left"
  expect "no file of it is left: $(tr '\n' ' ' <"$work/left")" test ! -s "$work/left"
}

check_systemd() {
  local started=multi-user.target.wants
  in_tree apt-get -qq -y install "/root/$(package 0)" >"$work/said" 2>&1 || die "apt cannot install the package again"
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
    --capability=all --boot --directory="$tree" >"$work/boot" 2>&1 || true
  cat -- "$tree/root/result" || tail -n 20 -- "$work/boot"
  grep -qx END "$tree/root/result" || die "systemd did not get to the end of it"
  ! grep -q '^not so' "$tree/root/result" || die "the service is not as it should be, see above"
}

check_source() {
  local top
  mkdir -- "$work/source"
  cat -- "$work"/packages/scratchfs-*.tar.xz | tar -C "$work/source" -xJ
  top=$(echo "$work"/source/*)
  if git rev-parse --git-dir >/dev/null 2>&1; then
    (cd "$top" && find . -type f | sed 's|^\./||' | sort) >"$work/packed"
    git ls-files | sort >"$work/tracked"
    expect "the tarball holds all that is checked in" sh -c "test -z \"\$(comm -13 '$work/packed' '$work/tracked')\""
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
if [[ -z $made ]]; then
  say "source"
  check_source
fi
say "the packages are good, after $SECONDS s"
