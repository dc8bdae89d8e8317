#!/usr/bin/env python3
"""git: clones and what it does with their files, and the temporary files that it hands to other programs."""
from scratch import aside, main, on_both, shell

WHO = "git config --global user.name n; git config --global user.email e@example.org; " \
      "git config --global init.defaultBranch main; export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z " \
      "GIT_COMMITTER_DATE=2020-01-01T00:00:00Z; "


def git(script, where):
    return shell(WHO + script, cwd=where)


def new_repository(where):
    git('git init -q origin; cd origin; '
        'mkdir d{0..9}; for i in {1..300}; do echo $i > d$((i % 10))/f$i; done; '
        'printf "#!/bin/sh\\n" > run.sh; chmod +x run.sh; ln -s run.sh link; git add .; git commit -qm first', where)


@on_both(needs=("git",), left="kinds")
def clone_and_status(tmp):
    """`git clone` onto the mount, `status`, `commit`, `gc`, `fsck`"""
    new_repository(aside())
    git('git clone -q --no-hardlinks "$ASIDE/origin" clone', tmp)
    status = git("git status --porcelain", tmp / "clone")
    git("echo more >> d1/f1; git add -A; git commit -qm second; git gc -q", tmp / "clone")
    return [status, git("git fsck", tmp / "clone"), git("git rev-parse HEAD", tmp / "clone")]


@on_both(needs=("git",), left="kinds")
def clone_within_the_mount(tmp):
    """`git clone` within the mount, with hard links"""
    new_repository(tmp)
    git("git clone -q origin clone", tmp)
    shell("rm -rf origin", cwd=tmp)
    return git("git fsck; git status --porcelain; git log --oneline | wc -l", tmp / "clone")


@on_both(needs=("git",))
def diff_with_an_external_program(tmp):
    """`git diff` with `GIT_EXTERNAL_DIFF`, `git difftool`"""
    new_repository(aside())
    return git("echo changed > d1/f1; echo changed > d2/f2; export GIT_EXTERNAL_DIFF=\"$ASIDE/tool\"; "
               "printf '#!/bin/sh\\ncat \"$2\" \"$5\"; echo \"$1\"\\n' > \"$ASIDE/tool\"; printf '#!/bin/sh\ndiff -r \"$1\" \"$2\" | grep \"^[<>]\"\n' > \"$ASIDE/tool2\"; chmod +x \"$ASIDE\"/tool*; "
               "git --no-pager diff; unset GIT_EXTERNAL_DIFF; "
               "git difftool -y --extcmd='cat' -- d1; git difftool -d -y --extcmd=\"$ASIDE/tool2\"; "
               'ls -A "$TMPDIR"', aside() / "origin")


@on_both(needs=("git",), left="kinds")
def rebase_with_a_conflict(tmp):
    """`git rebase -i` with a conflict, a clone on the mount"""
    new_repository(tmp)
    return git("git checkout -qb topic; for i in 1 2 3; do echo topic$i > d1/f1; git commit -qam topic$i; done; "
               "git checkout -q main; echo main > d1/f1; git commit -qam main; git checkout -q topic; "
               "export GIT_EDITOR=true GIT_SEQUENCE_EDITOR='sed -i s/^pick/reword/'; "
               "git rebase -qi main 2>/dev/null || while [ -d .git/rebase-merge ]; do "
               "  git checkout -q --theirs d1/f1; git add d1/f1; git rebase --continue >/dev/null 2>&1 || :; done; "
               "git log --format=%s; cat d1/f1; git status --porcelain", tmp / "origin")


@on_both(needs=("git",))
def a_patch_by_mail(tmp):
    new_repository(aside())
    return git("echo x > d1/f1; git commit -qam 'a change'; git format-patch -q -1 -o \"$TMPDIR/patches\"; "
               "git reset -q --hard HEAD^; git am -q \"$TMPDIR\"/patches/*; git log --format=%s; "
               "git stash list; git archive HEAD d1 | tar -t | wc -l", aside() / "origin")


if __name__ == "__main__":
    main()
