# shellcheck shell=bash
# Part of scripts/test-kernels.sh: what a guest consists of. Its root has the programs and libraries of this machine,
# for which scratchfs was built: of the essential packages, these, and all that they depend on.
guest_packages=(
  acl attr btrfs-progs e2fsprogs fuse3 g++ gcc git iproute2 kmod make mount passwd perl procps psmisc python3 rsync
  sqlite3 xz-utils
)
# Loaded by tests, or by the guest's init; with all that they need.
guest_modules=(virtio_pci virtio_blk fuse loop btrfs overlay unix_diag)
readonly guest_megabytes=4096

# Their names, architectures and versions.
installed_packages() {
  local needed essential
  # shellcheck disable=SC2016  # the fields are dpkg's
  mapfile -t essential < <(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p')
  mapfile -t needed < <(apt-cache depends --recurse --important --installed --no-conflicts --no-breaks --no-replaces \
    "${essential[@]}" "${guest_packages[@]}" | grep -E '^[a-z0-9]' | sort -u)
  # shellcheck disable=SC2016  # some of them are virtual
  { dpkg-query -W -f '${db:Status-Abbrev}\t${binary:Package}\t${Version}\n' "${needed[@]}" 2>/dev/null || true; } |
    sed -n 's/^ii *\t//p'
}

# Files and links of the packages, but for documentation and translations; and the links that update-alternatives made.
files_of_packages() { # PACKAGE...
  local path
  dpkg -L "$@" | grep -E '^/(etc|usr|bin|sbin|lib|var)' | grep -vE '^/usr/share/(doc|man|info|locale|lintian|bug)/' |
    while IFS= read -r path; do
      [[ ! -e $path && ! -L $path ]] || printf '%s\n' "$path"
    done
  find /etc/alternatives /usr/bin /usr/sbin -type l \( -lname '/etc/alternatives/*' -o -path '/etc/alternatives/*' \)
}

# The guest's root as a file system, made again when the packages change.
make_root() { # IMAGE
  local packages tree=$1.tree key link
  mapfile -t packages < <(installed_packages)
  key=$({ printf '%s\n' "${packages[@]}"; cat -- "${BASH_SOURCE[0]}"; } | sha256sum)
  [[ ! -e $1 || ! -e $1.key || $(<"$1.key") != "$key" ]] || return 0
  say "the guest's root, from ${#packages[@]} packages"
  rm -rf -- "$tree" "$1" "$1.key"
  mkdir -p -- "$tree"/{proc,sys,dev,run,tmp,root,etc} "$tree"/usr/{bin,sbin,lib/modules,lib32,lib64,libx32,local/bin}
  for link in bin sbin lib lib32 lib64 libx32; do
    [[ ! -L /$link ]] || ln -s "usr/$link" "$tree/$link"
  done
  files_of_packages "${packages[@]%%$'\t'*}" | sed -E 's#^/(bin|sbin|lib[0-9x]*)/#/usr/\1/#; s#^/##' | sort -u |
    tar -c -C / --no-recursion --files-from=- | tar -x -C "$tree"
  printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin \
    >"$tree/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
  printf '127.0.0.1 localhost lab\n' >"$tree/etc/hosts"
  touch "$tree"/etc/{fstab,subuid,subgid}
  ln -sfn /proc/self/mounts "$tree/etc/mtab"
  ldconfig -r "$tree"
  truncate -s "${guest_megabytes}M" "$1"
  mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d "$tree" "$1"
  rm -rf -- "$tree"
  printf '%s\n' "$key" >"$1.key"
}

# What runs in the guest: the program, tests and their scripts, and the libraries that may not be in its root.
make_payload() { # ARCHIVE
  local dir=$1.tree binary
  rm -rf -- "$dir"
  mkdir -p -- "$dir/bin" "$dir/lib"
  for binary in scratchfs mounted_tests parity_tests stress_tests; do
    strip -g -o "$dir/bin/$binary" "build/release/bin/$binary"
    ldd "$dir/bin/$binary" | awk '$3 ~ /^\// { print $3 }' | xargs -r cp -Lu -t "$dir/lib" --
  done
  cp -t "$dir/bin" build/release/bin/scratchfs_name_keeping build/release/bin/*.so # what tests start or preload
  cp -r tests/programs tests/kernels "$dir"
  tar -c -C "$dir" -f "$1" .
  rm -rf -- "$dir"
}

# The modules of a kernel that are needed, uncompressed for busybox, and tests/kernels/init.
make_initramfs() { # KERNEL_DIR FILE
  local dir=$2.tree modules version module
  modules=$(modules_of "$1")
  version=${modules##*/}
  rm -rf -- "$dir"
  mkdir -p -- "$dir"/{bin,dev,proc,sys,root} "$dir/lib/modules/$version"
  cp -- /bin/busybox "$dir/bin/"
  cp -- tests/kernels/init "$dir/init"
  chmod 0755 "$dir/init"
  depmod -b "${modules%/lib/modules/*}" "$version" 2>/dev/null
  for module in "${guest_modules[@]}"; do
    modprobe -d "${modules%/lib/modules/*}" -S "$version" --show-depends "$module" 2>/dev/null || true
  done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r module; do
    cp -- "$module" "$dir/lib/modules/$version/"
  done
  find "$dir/lib/modules" -name '*.ko.xz' -exec xz -d {} +
  cp -- "$modules"/modules.{builtin,builtin.modinfo,order} "$dir/lib/modules/$version/" 2>/dev/null || true
  depmod -b "$dir" "$version" 2>/dev/null
  (cd -- "$dir" && find . -print0 | busybox cpio -0 -o -H newc 2>/dev/null | gzip -1) >"$2"
  rm -rf -- "$dir"
}
