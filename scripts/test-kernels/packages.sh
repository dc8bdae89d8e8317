# shellcheck shell=bash
# Part of scripts/test-kernels.sh, after apt.sh: Debian's kernels, downloaded and unpacked, never installed.

suite_of() { # NAME
  case $1 in
    6.1) echo bookworm ;;
    6.12) echo trixie ;;
    newest) echo unstable ;;
    *) return 1 ;;
  esac
}

# The packages that hold the newest kernel for clouds: one, or one for the image and one for the modules.
kernel_packages() {
  apt-cache "${apt_options[@]}" depends --recurse --important --no-conflicts --no-breaks --no-replaces \
    linux-image-cloud-amd64 | grep -E '^linux-(image|binary|modules)-[0-9].*-cloud-amd64$' | sort -u
}

# Unpacks the newest kernel of SUITE at MIRROR to DIR/tree, unless it is there; WORK is for get_lists.
get_kernel_from() { # MIRROR SUITE DIR WORK [OPTION...]
  local dir=$3 work=$4 packages apt_options package
  get_lists "$work" deb "$1" "$2" "${@:5}" || return
  mapfile -t packages < <(kernel_packages)
  ((${#packages[@]})) || return
  [[ ! -e $dir/packages || $(<"$dir/packages") != "${packages[*]}" ]] || return 0
  (cd -- "$work/files" && apt-get -qq "${apt_options[@]}" download "${packages[@]}") || return
  rm -rf -- "${dir:?}"
  mkdir -p -- "$dir/tree"
  for package in "$work"/files/*.deb; do
    dpkg-deb -x "$package" "$dir/tree" || return
  done
  printf '%s\n' "${packages[*]}" >"$dir/packages"
}

# Without a network what was unpacked before will do.
get_kernel() { # SUITE DIR
  local work mirror got=no
  # Not below the checkout: apt wants a path without spaces that its own user can reach.
  work=$(mktemp -d /tmp/scratchfs-kernel.XXXXXXXX)
  chmod 0755 -- "$work"
  while read -r mirror; do
    # A mirror that stands still has lists past their date. They are signed all the same.
    if get_kernel_from "$mirror" "$1" "$2" "$work" 2>/dev/null ||
      get_kernel_from "$mirror" "$1" "$2" "$work" -o Acquire::Check-Valid-Until=false; then
      got=yes
      break
    fi
  done < <(mirrors)
  rm -rf -- "$work"
  [[ -e $2/packages ]] || die "no Debian mirror gave a kernel of $1; name one in SCRATCHFS_DEB_MIRROR"
  [[ $got == yes ]] || note "no Debian mirror answers: going on with $(<"$2/packages")"
}

# In newer ones modules lie below /usr, and the image beside them.
modules_of() { compgen -G "$1/tree/lib/modules/*" || compgen -G "$1/tree/usr/lib/modules/*"; }
image_of() { compgen -G "$1/tree/boot/vmlinuz-*" || compgen -G "$1/tree/usr/lib/modules/*/vmlinuz"; }
