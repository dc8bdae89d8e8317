# shellcheck shell=bash
# Part of bench.sh: builds the programs and memfs_ll, and creates the input of the jobs.
# shellcheck disable=SC2034,SC2154  # shared with bench.sh

load() { cut -d' ' -f1 /proc/loadavg; }

build_bench() {
  scripts/deps.sh --tests
  mkdir -p -- "$store"
  build release scratchfs scratchfs_bench scratchfs_null_fs
  scratchfs=$(given_path "${SCRATCHFS_BIN:-$bin/scratchfs}")
}

# Builds libfuse's example of an in-memory file system from the libfuse sources that deps.sh built. It has no option for
# direct I/O, which is faster except for repeated reads, so a patched version with it is built as well.
build_memfs() {
  local source=$root/build/deps/fuse3/example/memfs_ll.cc stage=$root/build/deps/stage/usr flags
  [[ -x $store/memfs_ll && $store/memfs_ll -nt $source ]] && return 0
  [[ -r $source ]] || {
    note "no memfs_ll: build/deps/fuse3 with libfuse's sources is not there"
    return 1
  }
  read -ra flags < <(PKG_CONFIG_PATH=$stage/lib/pkgconfig pkg-config --cflags --libs --static fuse3)
  sed 's/^\tfi->fh = \(e\.\)\{0,1\}ino;/& fi->direct_io = 1; fi->parallel_direct_writes = 1;/' \
    "$source" >"$store/memfs_ll_direct.cc"
  [[ $(grep -c 'fi->direct_io = 1' "$store/memfs_ll_direct.cc") == 2 ]] ||
    die "memfs_ll.cc is not what it was: look at build_memfs in scripts/bench/prepare.sh"
  local common=(g++ -std=c++20 -O2 -D_FILE_OFFSET_BITS=64 -DHAVE_LINUX_LIMITS_H)
  "${common[@]}" -o "$store/memfs_ll_cached" "$source" "${flags[@]}"
  "${common[@]}" -o "$store/memfs_ll" "$store/memfs_ll_direct.cc" "${flags[@]}"
}

# Creates the input, identical on every machine: a tree of 4,000 source files, a git repository of it, lines to sort,
# C++ to compile.
make_materials() {
  materials=$store/materials-1
  [[ -d $materials ]] && return 0
  say "making what the jobs work on (once)"
  local new=$store/materials.new
  rm -rf -- "$new"
  mkdir -p -- "$new/sources"
  python3 scripts/bench/materials.py "$new"
  tar -C "$new" -cf "$new/tree.tar" tree
  (
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_NAME=b GIT_AUTHOR_EMAIL=b@b GIT_COMMITTER_NAME=b GIT_COMMITTER_EMAIL=b@b
    git -C "$new/tree" init -q -b main
    git -C "$new/tree" add .
    git -C "$new/tree" commit -q -m tree
    git clone -q --bare "$new/tree" "$new/tree.git"
  )
  rm -rf -- "$new/tree"
  cp -r -- fs "$new/sources/fs"
  cp -- fs/base/*.cc fs/quota/*.cc fs/content/*.cc "$new/sources/"
  find "$new/sources" -maxdepth 1 -name '*.cc' -printf '%f\n' | sort >"$new/sources/list"
  mv -- "$new" "$materials"
}
