#!/usr/bin/env bash
# Installs what scratchfs needs to be built (and with --tests, to be tested), and stages a libfuse that
# is new enough inside the build tree. Changes nothing when everything is there already.
#
# usage: scripts/deps.sh [--tests]
#   --tests   also what only the tests need
#
# SCRATCHFS_DEB_MIRROR=URL names the Debian mirror to take the fuse3 source package from.
source "$(dirname -- "$0")/lib.sh"
source scripts/apt.sh

readonly fuse_wanted=3.18.3
# Raise this when the recipe below changes, so that older stages are rebuilt.
readonly recipe=1

readonly deps=$root/build/deps
readonly stage=$deps/stage
readonly stamp=$deps/stamp

packages=(
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
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n --preserve-env=DEBIAN_FRONTEND "$@"
  else
    die "not root, and no sudo without a password: run as root: ${*@Q}"
  fi
}

install_missing() { # PACKAGE...
  local missing
  mapfile -t missing < <(printf '%s\n' "$@" | grep -vxFf <(
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'))
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
  pkg-config --atleast-version="$fuse_wanted" fuse3 2>/dev/null &&
    has_uring "$(pkg-config --variable=libdir fuse3)/libfuse3.a"
}

# Downloads the newest fuse3 source package there is, if it is new enough.
download_source() {
  local version
  version=$(apt-cache "${apt_options[@]}" showsrc --only-source fuse3 2>/dev/null |
    sed -n 's/^Version: //p' | sort -V | tail -n 1)
  [[ -n $version ]] && dpkg --compare-versions "$version" ge "$fuse_wanted" &&
    (cd -- "$apt_dir/files" && apt-get -qq "${apt_options[@]}" source --download-only --only-source fuse3="$version")
}

download_fuse() {
  if compgen -G "$deps/source/fuse3_*.dsc" >/dev/null; then
    say "using the fuse3 source package downloaded before"
    return
  fi
  say "getting the source package fuse3 of Debian unstable"
  from_mirrors deb-src unstable download_source ||
    die "no Debian mirror gave the source package fuse3 >= $fuse_wanted; name one in SCRATCHFS_DEB_MIRROR"
  rm -rf -- "$deps/source.new" "$deps/source"
  cp -r -- "$apt_dir/files" "$deps/source.new"
  mv -- "$deps/source.new" "$deps/source"
}

build_fuse() {
  local dsc log=$deps/build.log
  rm -rf -- "$deps/fuse3" "$deps/fuse3-build" "$deps/stage.new" "$stage" "$stamp"
  dsc=$(compgen -G "$deps/source/fuse3_*.dsc" | head -n 1)
  say "building ${dsc##*/} as a static library (log: build/deps/build.log)"
  # dpkg-source checks the files against the hashes in the .dsc, which apt has checked against the signed lists.
  # With a prefix other than /usr, a daemon run by root would start a fusermount3 from there.
  {
    dpkg-source --no-check -x "$dsc" "$deps/fuse3" &&
      env -u CFLAGS -u LDFLAGS -u DESTDIR CC="${CC:-cc}" meson setup "$deps/fuse3-build" "$deps/fuse3" \
        --prefix=/usr --libdir=lib --buildtype=release -Ddebug=true --default-library=static --wrap-mode=nodownload \
        -Dutils=false -Dexamples=false -Dtests=false -Denable-io-uring=true &&
      ninja -C "$deps/fuse3-build" &&
      DESTDIR=$deps/stage.new meson install -C "$deps/fuse3-build" --no-rebuild
  } >"$log" 2>&1 || {
    tail -n 20 -- "$log" >&2
    die "building libfuse failed; the whole log is in build/deps/build.log"
  }
  has_uring "$deps/stage.new/usr/lib/libfuse3.a" ||
    die "libfuse3.a has no FUSE over io_uring in it: are liburing-dev and libnuma-dev there?"
  # Makes the stage relocatable.
  # shellcheck disable=SC2016  # ${pcfiledir} is for pkg-config
  sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$deps/stage.new/usr/lib/pkgconfig/fuse3.pc"
  mv -- "$deps/stage.new" "$stage"
  rm -rf -- "$deps/fuse3-build" # keep the sources for the debugger
  wanted_stamp >"$stamp"
  say "libfuse $(sed -n 's/^Version: *//p' "$stage/usr/lib/pkgconfig/fuse3.pc") with io_uring staged in build/deps/stage"
}

wanted_stamp() { printf 'recipe %s, %s, at least %s\n' "$recipe" "$(uname -m)" "$fuse_wanted"; }

staged() { [[ -r $stamp && -r $stage/usr/lib/libfuse3.a && $(<"$stamp") == "$(wanted_stamp)" ]]; }

tests=no
parse_options "$@"
[[ $tests == no ]] || packages+=("${test_packages[@]}")
command -v dpkg-query >/dev/null || die "this is not a Debian: see docs/dependencies.md for what is needed"
install_missing "${packages[@]}"
if staged || system_fuse_will_do; then exit; fi
mkdir -p -- "$deps"
exec {lock}>"$deps/lock" # two runs at once must not build into the same directory
flock "$lock"
staged || {
  download_fuse
  build_fuse
}
