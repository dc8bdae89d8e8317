#!/usr/bin/env python3
"""Trees of files: git clone and status, tar out and in, cp, rsync-like comparison."""
import os
import pathlib

from scratch import main, need, on_both, run, shell

PROJECT = pathlib.Path(__file__).resolve().parents[2]


@on_both
def git_clone_and_status(tmp):
    need("git")
    origin = tmp / "origin"
    environment = {**os.environ, "HOME": str(tmp), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
                   "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    shell(f'git -c init.defaultBranch=main init -q "{origin}"; cd "{origin}"; git config user.name n; '
          'git config user.email e@example.org; '
          'for i in $(seq 300); do mkdir -p d$((i % 10)); echo $i > d$((i % 10))/f$i; done; '
          'printf "#!/bin/sh\\n" > run.sh; chmod +x run.sh; ln -s run.sh link; git add .; git commit -qm first',
          env=environment)
    shell(f'git clone -q --no-hardlinks "{origin}" "{tmp}/clone"', env=environment)
    status = run("git", "status", "--porcelain", cwd=tmp / "clone", env=environment)
    shell('echo more >> d1/f1; git add -A; git -c user.name=n -c user.email=e@example.org commit -qm second; git gc -q',
          cwd=tmp / "clone", env=environment)
    return [status, run("git", "fsck", cwd=tmp / "clone", env=environment),
            run("git", "rev-parse", "HEAD^{tree}", cwd=tmp / "clone", env=environment)]


@on_both
def tar_out_and_in(tmp):
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
def copy_and_remove(tmp):
    shell(f'cp -a "{PROJECT}/fs" "$TMPDIR/copy"; cp -r "$TMPDIR/copy" "$TMPDIR/again"; '
          f'diff -r "{PROJECT}/fs" "$TMPDIR/again"; rm -r "$TMPDIR/copy"')
    return sorted(os.listdir(tmp))


if __name__ == "__main__":
    main()
