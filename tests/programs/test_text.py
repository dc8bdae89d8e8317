#!/usr/bin/env python3
"""GNU sort and other coreutils that keep in TMPDIR what memory has no room for."""
from scratch import main, on_both, run, shell


@on_both
def an_external_sort(tmp):
    """`sort -S 4M` of 30 MB"""
    shell('shuf -i 1000000-4900000 --random-source=<(yes) > "$ASIDE/input"')
    return shell('sort -n -S 4M "$ASIDE/input" | sha256sum')


@on_both
def a_parallel_sort_with_small_merges(tmp):
    """`sort --parallel=2 --batch-size=4`"""
    return shell('seq 200000 -1 1 | sort -n -S 1M --parallel=2 --batch-size=4 | sha256sum')


@on_both
def a_sort_with_compressed_pieces(tmp):
    """`sort --compress-program=gzip`"""
    return shell('seq 100000 -1 1 | sort -n -S 256K --compress-program=gzip | sha256sum')


@on_both
def sort_in_place(tmp):
    """`sort -o` over its own input, on the mount"""
    return shell('f=$(mktemp); seq 1000 -1 1 > "$f"; sort -n -o "$f" "$f"; sha256sum < "$f"; rm "$f"')


@on_both
def tac_of_a_pipe(tmp):
    """`tac` of a pipe"""
    return shell("seq 300000 | tac | sha256sum")


@on_both
def split_and_join(tmp):
    """`split` into files on the mount, and `cat` of them"""
    return shell('cd "$(mktemp -d)"; seq 100000 | split -l 3000 - piece.; ls | wc -l; cat piece.* | sha256sum; '
                 'seq 1000 > whole; split -n 4 whole part.; cat part.* | sha256sum')


@on_both
def split_with_a_filter(tmp):
    """`split --filter` of a pipe"""
    return shell('seq 100000 | split -l 30000 --filter="sha256sum" -')


@on_both
def shuf_of_a_pipe(tmp):
    """`shuf`"""
    return shell('seq 100000 | shuf --random-source=<(yes) | sha256sum; seq 100000 | shuf | sort -n | sha256sum')


@on_both
def a_file_that_is_truncated_and_appended_to(tmp):
    return shell('f=$(mktemp); seq 1000 > "$f"; truncate -s 100 "$f"; echo end >> "$f"; dd if="$f" bs=10 skip=9 '
                 'status=none; truncate -s 1M "$f"; du --apparent-size -k "$f" | cut -f 1; rm "$f"')


@on_both
def find_xargs_and_install(tmp):
    run("mkdir", "-p", str(tmp / "a/b/c"))
    return shell('cd "$TMPDIR/a"; for i in $(seq 50); do echo $i > b/c/$i.txt; done; install -D -m 644 b/c/7.txt x/y/z; '
                 'find . -name "*.txt" -print0 | sort -z | xargs -0 cat | sha256sum; cmp b/c/7.txt x/y/z && echo same')


if __name__ == "__main__":
    main()
