# shellcheck shell=bash
# Part of scripts/test-kernels.sh, after apt.sh: Debian's kernels, downloaded and unpacked, never installed.
# shellcheck disable=SC2034,SC2154  # shared with the scripts

declare -Ar suites=([6.1]=bookworm [6.12]=trixie [newest]=unstable)

# Unpacks the newest kernel for clouds to DIR/tree, unless it is there. It is one package, or one for the image and one
# for the modules.
unpack_kernel() { # DIR
  local packages package
  mapfile -t packages < <(
    apt-cache "${apt_options[@]}" depends --recurse --important --no-conflicts --no-breaks --no-replaces \
      linux-image-cloud-amd64 | grep -E '^linux-(image|binary|modules)-[0-9].*-cloud-amd64$' | sort -u)
  ((${#packages[@]})) || return
  [[ ! -e $1/packages || $(<"$1/packages") != "${packages[*]}" ]] || return 0
  (cd -- "$apt_dir/files" && apt-get -qq "${apt_options[@]}" download "${packages[@]}") || return
  rm -rf -- "${1:?}"
  mkdir -p -- "$1/tree"
  for package in "$apt_dir"/files/*.deb; do
    dpkg-deb -x "$package" "$1/tree" || return
  done
  printf '%s\n' "${packages[*]}" >"$1/packages"
}

# Without a network what was unpacked before will do.
get_kernel() { # SUITE DIR
  from_mirrors deb "$1" unpack_kernel "$2" || {
    [[ -e $2/packages ]] || die "no Debian mirror gave a kernel of $1; name one in SCRATCHFS_DEB_MIRROR"
    note "no Debian mirror answers: going on with $(<"$2/packages")"
  }
}

# In newer ones modules lie below /usr, and the image beside them.
modules_of() { compgen -G "$1/tree/lib/modules/*" || compgen -G "$1/tree/usr/lib/modules/*"; }
image_of() { compgen -G "$1/tree/boot/vmlinuz-*" || compgen -G "$1/tree/usr/lib/modules/*/vmlinuz"; }
