#!/usr/bin/env python3
"""Trees of files: tar, cp, rsync, zip, dpkg-deb."""
import os
import pathlib

from scratch import aside, main, need, on_both, run, shell

PROJECT = pathlib.Path(__file__).resolve().parents[2]


@on_both
def tar_out_and_in(tmp):
    """`tar` in and out, a tree on the mount"""
    first = tmp / "first"
    first.mkdir()
    # In a directory: right under the mount it would be a loose file, gone when tar closes it.
    shell(f'tar -C "{PROJECT}" --exclude-vcs -cf "$TMPDIR/first/a.tar" fs mount docs scripts')
    shell('tar -xf a.tar; rm a.tar', cwd=first)
    shell('tar -cf - . | (mkdir "$TMPDIR/second" && cd "$TMPDIR/second" && tar -xf -)', cwd=first)
    shell('diff -r "$TMPDIR/first" "$TMPDIR/second"')
    shell(f'for d in fs mount docs scripts; do diff -r "{PROJECT}/$d" "$TMPDIR/first/$d"; done')
    return shell('cd "$TMPDIR/second" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum')


@on_both
def tar_with_compressors(tmp):
    return shell(f'cd "$TMPDIR"; mkdir a b; for z in gz xz; do tar -C "{PROJECT}" -caf a/docs.tar.$z docs; '
                 'tar -C b -xaf a/docs.tar.$z; done; find b -type f | wc -l; rm a/docs.tar.xz a/docs.tar.gz')


@on_both
def copy_and_remove(tmp):
    """`cp -a`, `diff -r`, `rm -r`"""
    shell(f'cp -a "{PROJECT}/fs" "$TMPDIR/copy"; cp -r "$TMPDIR/copy" "$TMPDIR/again"; '
          f'diff -r "{PROJECT}/fs" "$TMPDIR/again"; rm -r "$TMPDIR/copy"')
    return sorted(os.listdir(tmp))


@on_both(needs=("rsync",))
def rsync_to_and_from(tmp):
    """`rsync -a`, a tree on the mount"""
    shell(f'rsync -a "{PROJECT}/fs/" "$TMPDIR/copy/"; rsync -a "$TMPDIR/copy/" "$ASIDE/back/"; '
          f'diff -r "{PROJECT}/fs" "$ASIDE/back"')
    run("rm", "-r", str(aside() / "back/base"))
    # A second run finds nothing to do, and --delete what is too many.
    return [shell(f'rsync -ai --checksum "{PROJECT}/fs/" "$TMPDIR/copy/" | grep -c "^>f" || :'),
            shell('rsync -a --delete "$ASIDE/back/" "$TMPDIR/copy/"; diff -r "$ASIDE/back" "$TMPDIR/copy"; ls copy',
                  cwd=tmp)]


@on_both(needs=("rsync",))
def rsync_with_its_temporary_files_there(tmp):
    """`rsync --temp-dir=$TMPDIR`"""
    return shell(f'rsync -a --temp-dir="$TMPDIR" "{PROJECT}/docs/" "$ASIDE/copy/"; diff -r "{PROJECT}/docs" "$ASIDE/copy"; '
                 'ls -A "$TMPDIR"')


@on_both(needs=("zip", "unzip"))
def zip_and_unzip(tmp):
    """`zip -b $TMPDIR`, `unzip`"""
    shell(f'cd "{PROJECT}"; zip -qr -b "$TMPDIR" "$ASIDE/a.zip" docs; cd "$TMPDIR"; mkdir out; '
          f'unzip -q "$ASIDE/a.zip" -d out; diff -r "{PROJECT}/docs" out/docs')
    return shell('cd "$TMPDIR"; zip -qr b.zip out; zip -q b.zip -d "out/docs/*.8"; unzip -tq b.zip | wc -l; '
                 'unzip -l b.zip | grep -c "docs/"; rm b.zip; ls -A')


PACKAGE = ('mkdir -m 755 p p/DEBIAN p/usr p/usr/bin; echo "echo hello" > p/usr/bin/hello; chmod 755 p/usr/bin/hello; '
           'printf "Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <e@example.org>\\nDescription: d\\n" '
           '> p/DEBIAN/control; find p -exec touch -d @1600000000 {} +; export SOURCE_DATE_EPOCH=1600000000; ')


@on_both(needs=("dpkg-deb",), options=["create_mode=posix"])
def a_debian_package(tmp):
    """`dpkg-deb --build` of a tree on the mount (with `create_mode=posix`)"""
    return shell(f'umask 022; cd "$(mktemp -d)"; {PACKAGE} dpkg-deb --root-owner-group -b p p.deb >/dev/null; '
                 'sha256sum < p.deb; dpkg-deb -c p.deb; dpkg-deb -x p.deb out; sh out/usr/bin/hello')


@on_both(needs=("dpkg-deb",))
def a_debian_package_of_a_tree_elsewhere(tmp):
    """`dpkg-deb --build` of a tree elsewhere"""
    return shell(f'umask 022; cd "$ASIDE"; {PACKAGE} dpkg-deb --root-owner-group -b p p.deb >/dev/null; sha256sum < p.deb; '
                 'dpkg-deb -I p.deb | grep -c Package; dpkg-deb -R p.deb again; diff -r p again; ls -A "$TMPDIR"')


@on_both(needs=("dpkg-deb",))
def a_debian_package_with_modes_set_afterwards(tmp):
    return shell(f'cd "$(mktemp -d)"; {PACKAGE} chmod 755 p/DEBIAN; chmod 644 p/DEBIAN/control; '
                 'dpkg-deb --root-owner-group -b p p.deb > /dev/null; dpkg-deb -f p.deb Package')


if __name__ == "__main__":
    main()
