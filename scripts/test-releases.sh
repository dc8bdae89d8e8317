#!/usr/bin/env bash
# Builds scratchfs in Debian releases as a user would, from the sources with scripts/deps.sh and CMake, and there runs
# the unit tests, mounts over /dev/fuse and over io_uring, and tests the package that was made there
# (scripts/test-package.sh). Each release is a chroot that debootstrap makes below build/debian and that stays there, so
# only the first run is slow. Prints a table at the end; fails if anything in it did. Needs root, debootstrap,
# systemd-container and the network.
#
# usage: scripts/test-releases.sh [--only-build] [NAME...]
#   NAME          bookworm, trixie, sid (default: all three)
#   --only-build  no package is tested
#
# SCRATCHFS_DEB_MIRROR=URL names the Debian mirror.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

releases=() package=yes
for argument in "$@"; do
  case $argument in
    -h | --help) show_help ;;
    --only-build) package=no ;;
    bookworm | trixie | sid) releases+=("$argument") ;;
    *) usage_error "unknown release $argument" ;;
  esac
done
((${#releases[@]})) || releases=(bookworm trixie sid)
[[ $(id -u) -eq 0 ]] || die "debootstrap and mounting need root"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

# What is mounted below is seen by this script alone.
if [[ -z ${SCRATCHFS_TEST_RELEASES_NAMESPACE:-} ]]; then
  SCRATCHFS_TEST_RELEASES_NAMESPACE=1 exec unshare --mount --propagation private -- "$root/$self" "$@"
fi

readonly mirror=${SCRATCHFS_DEB_MIRROR:-http://deb.debian.org/debian}
readonly uring_switch=/sys/module/fuse/parameters/enable_uring
work=$(mktemp -d /tmp/scratchfs-releases.XXXXXXXX)
readonly work
uring_before=
clean_up() {
  local status=$?
  trap - EXIT
  set +e
  [[ -z $uring_before ]] || echo "$uring_before" >"$uring_switch"
  leave_tree
  rm -rf --one-file-system -- "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The release as debootstrap makes it, which is never changed.
make_base() { # RELEASE
  local base=build/debian/$1/base
  [[ ! -e $base ]] || return 0
  rm -rf -- "$base.new"
  mkdir -p -- "$base.new"
  debootstrap --variant=minbase --include=fuse3,procps,systemd-sysv,dbus "$1" "$root/$base.new" "$mirror" \
    >"build/debian/$1/debootstrap.log" 2>&1 || return 1
  mv -- "$base.new" "$base"
}

# What is installed and built there goes beside the base, and stays.
enter_tree() { # RELEASE
  local home=$root/build/debian/$1
  mkdir -p -- "$home/upper" "$home/overlay" "$home/spill" "$work/tree"
  mount -t overlay tree -o "lowerdir=$home/base,upperdir=$home/upper,workdir=$home/overlay" "$work/tree"
  mount -t proc proc "$work/tree/proc"
  mount --rbind /sys "$work/tree/sys"
  mount --rbind /dev "$work/tree/dev"
  mount --bind "$home/spill" "$work/tree/var/tmp" # where O_TMPFILE and O_DIRECT work
  if [[ -e /etc/resolv.conf ]]; then cp -L -- /etc/resolv.conf "$work/tree/etc/resolv.conf"; fi
  echo 'Acquire::Check-Valid-Until "false";' >"$work/tree/etc/apt/apt.conf.d/90mirror" # one may stand still
  echo force-unsafe-io >"$work/tree/etc/dpkg/dpkg.cfg.d/90speed" # nobody needs it after a power cut
  # Times are kept, so that what has not changed is not built again.
  mkdir -p -- "$work/tree/src"
  find "$work/tree/src" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$work/tree/src" -xf -
}

leave_tree() {
  ! mountpoint -q "$work/tree" || umount -R -l -- "$work/tree"
}

# Leaves a file of KEY=VALUE lines for the table.
test_release() { # RELEASE
  local home=build/debian/$1
  : >"$work/$1"
  rm -f -- "$home/upper/result"
  make_base "$1" || return 0
  enter_tree "$1"
  env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
    chroot "$work/tree" /src/scripts/test-package/in-release.sh "$package" || true
  cp -- "$work/tree/result" "$work/$1" || true
  leave_tree
  [[ $package == yes && -e $home/upper/packages ]] || return 0
  say "$1: the package"
  if scripts/test-package.sh --suite "$1" --keep-tree "$home/base" --packages "$home/upper/packages"; then
    echo "package=good" >>"$work/$1"
  else
    echo "package=BAD" >>"$work/$1"
  fi
}

readonly columns=(compiler libfuse liburing built unit dev_fuse io_uring package)
value() { sed -n "s/^$2=//p" "$work/$1"; } # RELEASE KEY
table() {
  local release key row
  printf '| release | compiler | libfuse | liburing | built | unit tests | /dev/fuse | io_uring | package |\n'
  printf '| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
  for release in "${releases[@]}"; do
    row="| $release |"
    for key in "${columns[@]}"; do row+=" $(value "$release" "$key") |"; done
    printf '%s\n' "$row"
  done
}
is_good() { # RELEASE
  [[ $(value "$1" built) == yes* && $(value "$1" unit) == *", 0 failed" ]] || return 1
  [[ $(value "$1" dev_fuse) == good && $(value "$1" io_uring) =~ ^(good|no rings here)$ ]] || return 1
  [[ $package == no || $(value "$1" package) == good ]]
}

if [[ -w $uring_switch && $(<"$uring_switch") == N ]]; then
  uring_before=N
  echo Y >"$uring_switch"
fi
bad=()
for release in "${releases[@]}"; do
  say "$release (after $SECONDS s)"
  test_release "$release"
  is_good "$release" || bad+=("$release")
done
say "Linux $(uname -r), after $SECONDS s"
table
((${#bad[@]} == 0)) || die "not good: ${bad[*]}"
