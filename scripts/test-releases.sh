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
source "$(dirname -- "$0")/lib.sh"
source scripts/debian.sh

only_build=no
parse_options "$@"
for name in "${words[@]}"; do
  [[ $name =~ ^(bookworm|trixie|sid)$ ]] || usage_error "unknown release $name"
done
((${#words[@]})) || words=(bookworm trixie sid)
need_root "debootstrap and mounting need root"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
in_own_mount_namespace "$@"
make_run_dir releases
readonly tree=$run/tree
if [[ $only_build == yes ]]; then package=no; else package=yes; fi

# What is installed and built there goes beside the base, and stays.
prepare_tree() { # RELEASE
  local home=$root/build/debian/$1
  enter_tree "$home/base" "$home"
  mount --rbind /sys "$tree/sys"
  mount --rbind /dev "$tree/dev"
  # Times are kept, so that what has not changed is not built again.
  mkdir -p -- "$tree/src"
  find "$tree/src" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$tree/src" -xf -
}

# Leaves a file of KEY=VALUE lines for the table.
test_release() { # RELEASE
  local home=$root/build/debian/$1
  : >"$run/$1"
  rm -f -- "$home/upper/result"
  mkdir -p -- "$home"
  make_base "$1" "$home/base" "$home/debootstrap.log" || return 0
  prepare_tree "$1"
  env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
    chroot "$tree" /src/scripts/test-package/in-release.sh "$package" || true
  cp -- "$tree/result" "$run/$1" || true
  umount -R -l -- "$tree"
  [[ $package == yes && -e $home/upper/packages ]] || return 0
  say "$1: the package"
  if scripts/test-package.sh --suite "$1" --keep-tree "$home/base" --packages "$home/upper/packages"; then
    echo "package=good" >>"$run/$1"
  else
    echo "package=BAD" >>"$run/$1"
  fi
}

readonly columns=(compiler libfuse liburing built unit dev_fuse io_uring package)
value() { sed -n "s/^$2=//p" "$run/$1"; } # RELEASE KEY
table() {
  local release key row
  printf '| release | compiler | libfuse | liburing | built | unit tests | /dev/fuse | io_uring | package |\n'
  printf '| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
  for release in "${words[@]}"; do
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

enable_uring
bad=()
for release in "${words[@]}"; do
  say "$release (after $SECONDS s)"
  test_release "$release"
  is_good "$release" || bad+=("$release")
done
say "Linux $(uname -r), after $SECONDS s"
table
((${#bad[@]} == 0)) || die "not good: ${bad[*]}"
