#!/usr/bin/env python3
"""gcc and g++, which hand files from one program to the next by name."""
from scratch import main, need, on_both, run

C = '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n'
CPP = '#include <iostream>\n#include <vector>\nint main() { std::vector<int> v{1, 2, 3}; std::cout << v.size() << "\\n"; }\n'


def build(tmp, compiler, name, source, *options):
    need(compiler)
    work = tmp / "work"
    work.mkdir(exist_ok=True)
    (work / name).write_text(source)
    run(compiler, *options, name, "-o", "program", cwd=work)
    return run(str(work / "program"))


@on_both
def gcc(tmp):
    return build(tmp, "gcc", "a.c", C)


@on_both
def gcc_with_pipes(tmp):
    return build(tmp, "gcc", "a.c", C, "-pipe", "-O2")


@on_both
def gcc_that_keeps_its_temporary_files(tmp):
    output = build(tmp, "gcc", "a.c", C, "-save-temps=obj", "-dumpdir", str(tmp / "work") + "/")
    return [output, sorted(path.name for path in (tmp / "work").iterdir())]


@on_both
def gcc_with_link_time_optimization(tmp):
    return build(tmp, "gcc", "a.c", C, "-flto=2", "-O2")


@on_both
def gxx(tmp):
    return build(tmp, "g++", "a.cc", CPP)


@on_both
def many_at_once(tmp):
    need("make")
    work = tmp / "work"
    work.mkdir()
    for number in range(12):
        (work / f"f{number}.c").write_text(f"int f{number}(void) {{ return {number}; }}\n")
    (work / "main.c").write_text("int main(void) { return 0; }\n")
    (work / "Makefile").write_text("program: $(patsubst %.c,%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^\n")
    run("make", "-s", "-j4", cwd=work)
    return run(str(work / "program"))


if __name__ == "__main__":
    main()
