#!/usr/bin/env python3
"""Perl's File::Temp."""
from scratch import main, on_both, run


def perl(script):
    return run("perl", "-Mstrict", "-Mwarnings", "-MFile::Temp=tempfile,tempdir", "-e", script)


@on_both
def a_file_handle(tmp):
    """Perl `File::Temp`, the handle alone"""
    return perl('my $fh = tempfile(); print $fh "x" x 5000; seek $fh, 0, 0; local $/; print length <$fh>;')


@on_both
def a_file_by_name(tmp):
    """Perl `File::Temp`, closed and read again by name"""
    return perl('my $f = File::Temp->new(SUFFIX => ".dat"); print $f "one\\n"; close $f; '
                'open my $again, "<", $f->filename or die "open: $!"; print <$again>; close $again; '
                'print `cat $f`; print -s "$f", "\\n"; undef $f; opendir my $d, $ENV{TMPDIR}; '
                'print scalar grep { !/^\\./ } readdir $d;')


@on_both
def a_directory_that_cleans_up(tmp):
    """Perl `File::Temp::tempdir(CLEANUP => 1)`"""
    return perl('my $d = tempdir(CLEANUP => 1); mkdir "$d/sub" or die; for my $i (1 .. 50) { open my $f, ">", "$d/sub/$i" '
                'or die; print $f $i; } my @all = glob "$d/sub/*"; print scalar @all; '
                'rename "$d/sub/1", "$d/first" or die; open my $f, "<", "$d/first" or die; print <$f>;')


@on_both
def in_place_editing(tmp):
    """`perl -i` of a file from `mktemp`"""
    path = run("mktemp").strip()
    with open(path, "w") as file:
        file.write("before\n" * 10)
    run("perl", "-pi", "-e", "s/before/after/", path)
    return run("cat", path)


if __name__ == "__main__":
    main()
