# shellcheck shell=bash
# shellcheck disable=SC2154  # the scripts set tree
# Part of the scripts that work in a chroot of a Debian release, after lib.sh and in a mount namespace of their own.

readonly mirror=${SCRATCHFS_DEB_MIRROR:-http://deb.debian.org/debian}

# The release as debootstrap makes it, which is never changed. LOG has what it says.
make_base() { # RELEASE DIR LOG
  [[ ! -e $2/etc/debian_version ]] || return 0
  rm -rf -- "$2.new"
  mkdir -p -- "$2.new"
  debootstrap --variant=minbase --include=fuse3,procps,systemd-sysv,dbus "$1" "$2.new" "$mirror" >"$3" 2>&1 || {
    tail -n 20 -- "$3" >&2
    return 1
  }
  mv -T -- "$2.new" "$2"
}

# Mounts the base on $tree; what changes in it goes to HOME.
enter_tree() { # BASE HOME
  mkdir -p -- "$2"/{upper,overlay,spill} "$tree"
  mount -t overlay tree -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/overlay" "$tree"
  mount -t proc proc "$tree/proc"
  mount --bind "$2/spill" "$tree/var/tmp" # where O_TMPFILE and O_DIRECT work
  if [[ -e /etc/resolv.conf ]]; then cp -L -- /etc/resolv.conf "$tree/etc/resolv.conf"; fi
  echo 'Acquire::Check-Valid-Until "false";' >"$tree/etc/apt/apt.conf.d/90mirror" # a mirror may stand still
  echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/90speed" # nobody needs it after a power cut
}

# Makes Debian packages of this version and of a much later one. Without the tests: they are not part of a package.
make_debs() { # DIR
  local version
  for version in '' 99.0.0; do
    (cd build/package && cpack -G DEB -B "$1" ${version:+-D "CPACK_PACKAGE_VERSION=$version"}) || return
  done
  rm -rf -- "$1/_CPack_Packages"
}
