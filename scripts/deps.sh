#!/usr/bin/env bash
# Installs what scratchfs needs to be built (and with --tests, to be tested), and stages a libfuse that
# is new enough inside the build tree. Changes nothing when everything is there already.
#
# usage: scripts/deps.sh [--tests]
#
# SCRATCHFS_DEB_MIRROR=URL names the Debian mirror to take the fuse3 source package from.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=apt.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/apt.sh"
export DEBIAN_FRONTEND=noninteractive

readonly fuse_wanted=3.18.3
# Raise this when the recipe below changes, so that older stages are rebuilt.
readonly recipe=1

readonly deps=$root/build/deps
readonly stage=$deps/stage
readonly stamp=$deps/stamp

build_packages=(
  build-essential ca-certificates ccache cmake dpkg-dev file git meson ninja-build pkg-config
  fuse3 libcap-dev libcli11-dev libfmt-dev libgmock-dev libgtest-dev libncurses-dev libnuma-dev
  libseccomp-dev libsodium-dev libspdlog-dev libssl-dev liburing-dev nlohmann-json3-dev
)
test_packages=(
  acl attr btrfs-progs clang clang-format clang-tidy e2fsprogs fio gnuplot-nox procps python3 shellcheck tar xz-utils
  gnupg openssh-client perl python3-pip rsync sqlite3 tmux unzip vim-tiny zip
  man-db mandoc python3-yaml systemd zsh
  busybox-static kmod qemu-system-x86
)

say() { printf 'deps: %s\n' "$*"; }

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n --preserve-env=DEBIAN_FRONTEND "$@"
  else
    die "not root, and no sudo without a password: run as root: ${*@Q}"
  fi
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_missing() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  # An unreachable third-party source is no reason to stop: the install below is the judge.
  as_root apt-get -qq update || say "apt-get update had errors; going on with the lists there are"
  as_root apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}" >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
}

# ARCHIVE: succeeds if it (a libfuse3.a) was built with FUSE over io_uring.
has_uring() { nm -- "$1" 2>/dev/null | grep -E ' T fuse_uring_start$' >/dev/null; }

# So far Debian's own builds omit io_uring, whatever their version.
system_fuse_will_do() {
  pkg-config --atleast-version="$fuse_wanted" fuse3 2>/dev/null || return 1
  has_uring "$(pkg-config --variable=libdir fuse3)/libfuse3.a"
}

# Downloads the newest fuse3 source package of unstable from MIRROR into DIR/files. Further arguments are for apt.
download_from() {
  local mirror=$1 dir=$2 version apt_options
  get_lists "$dir" deb-src "$mirror" unstable "${@:3}" || return 1
  version=$(apt-cache "${apt_options[@]}" showsrc --only-source fuse3 2>/dev/null |
    sed -n 's/^Version: //p' | sort -V | tail -n 1)
  [[ -n $version ]] || return 1
  dpkg --compare-versions "$version" ge "$fuse_wanted" || return 1
  (cd -- "$dir/files" && apt-get -qq "${apt_options[@]}" source --download-only --only-source fuse3="$version") ||
    return 1
}

download_fuse() {
  local dir mirror
  if compgen -G "$deps/source/fuse3_*.dsc" >/dev/null; then
    say "using the fuse3 source package downloaded before"
    return 0
  fi
  [[ -r $keyring ]] || die "$keyring not found: install debian-archive-keyring"
  # Not below the checkout: apt needs a path without spaces that its own user can reach.
  dir=$(mktemp -d /tmp/scratchfs-deps.XXXXXXXX)
  # shellcheck disable=SC2064  # expand the name now
  trap "rm -rf -- '$dir'" EXIT
  chmod 0755 -- "$dir"
  while read -r mirror; do
    say "getting the source package fuse3 of Debian unstable from $mirror"
    # The lists of a stale mirror may have expired. They are signed all the same and the version is checked, so the
    # worst outcome is an older package that is still new enough.
    if download_from "$mirror" "$dir" ||
      { say "trying again, with lists past their date allowed" &&
        download_from "$mirror" "$dir" -o Acquire::Check-Valid-Until=false; }; then
      rm -rf -- "$deps/source.new" "$deps/source"
      mkdir -p -- "$deps/source.new"
      cp -- "$dir"/files/* "$deps/source.new/"
      mv -- "$deps/source.new" "$deps/source"
      return 0
    fi
    say "no fuse3 >= $fuse_wanted to be had from $mirror"
  done < <(mirrors)
  die "no Debian mirror gave the source package fuse3 >= $fuse_wanted; name one in SCRATCHFS_DEB_MIRROR"
}

build_fuse() {
  local dsc log=$deps/build.log pc
  rm -rf -- "$deps/fuse3" "$deps/fuse3-build" "$deps/stage.new" "$stage" "$stamp"
  dsc=$(compgen -G "$deps/source/fuse3_*.dsc" | head -n 1)
  say "building ${dsc##*/} as a static library (log: build/deps/build.log)"
  (
    set -e
    # Checks the files against the hashes in the .dsc, which apt has checked against the signed lists.
    dpkg-source --no-check -x "$dsc" "$deps/fuse3"
    # With a prefix other than /usr, a daemon run by root would start a fusermount3 from there.
    env -u CFLAGS -u LDFLAGS -u DESTDIR CC="${CC:-cc}" meson setup "$deps/fuse3-build" "$deps/fuse3" \
      --prefix=/usr --libdir=lib --buildtype=release -Ddebug=true --default-library=static --wrap-mode=nodownload \
      -Dutils=false -Dexamples=false -Dtests=false -Denable-io-uring=true
    ninja -C "$deps/fuse3-build"
    DESTDIR=$deps/stage.new meson install -C "$deps/fuse3-build" --no-rebuild
  ) >"$log" 2>&1 || {
    tail -n 20 -- "$log" >&2
    die "building libfuse failed; the whole log is in build/deps/build.log"
  }
  grep -Eq '^#define HAVE_URING( |$)' "$deps/fuse3-build/fuse_config.h" ||
    die "libfuse was configured without io_uring (HAVE_URING is not set): are liburing-dev and libnuma-dev there?"
  has_uring "$deps/stage.new/usr/lib/libfuse3.a" ||
    die "libfuse3.a has no FUSE over io_uring in it, though it was configured with it"
  pc=$deps/stage.new/usr/lib/pkgconfig/fuse3.pc
  # Makes the stage relocatable.
  # shellcheck disable=SC2016  # ${pcfiledir} is for pkg-config
  sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$pc"
  mv -- "$deps/stage.new" "$stage"
  rm -rf -- "$deps/fuse3-build" # keep the sources for the debugger
  wanted_stamp >"$stamp"
  say "libfuse $(sed -n 's/^Version: *//p' "$stage/usr/lib/pkgconfig/fuse3.pc") with io_uring staged in build/deps/stage"
}

# Takes a lock, so that two runs at once do not build into the same directory.
stage_fuse() {
  mkdir -p -- "$deps"
  exec {lock}>"$deps/lock"
  flock "$lock"
  staged && return 0
  download_fuse
  build_fuse
}

wanted_stamp() { printf 'recipe %s, %s, at least %s\n' "$recipe" "$(uname -m)" "$fuse_wanted"; }

staged() { [[ -r $stamp && -r $stage/usr/lib/libfuse3.a && $(<"$stamp") == "$(wanted_stamp)" ]]; }

main() {
  local packages=("${build_packages[@]}") argument
  for argument in "$@"; do
    case $argument in
      --tests) packages+=("${test_packages[@]}") ;;
      -h | --help) show_help ;;
      *) usage_error "unknown argument $argument" ;;
    esac
  done
  command -v dpkg-query >/dev/null || die "this is not a Debian: see docs/dependencies.md for what is needed"
  install_missing "${packages[@]}"
  staged && return 0
  system_fuse_will_do && return 0
  stage_fuse
}

main "$@"
