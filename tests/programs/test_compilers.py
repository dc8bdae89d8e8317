#!/usr/bin/env python3
"""Compilers, which hand files from one program to the next by name, and what drives them."""
import os
import shutil

from scratch import aside, main, need, on_both, run, shell

C = '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n'
CPP = '#include <iostream>\n#include <vector>\nint main() { std::vector<int> v{1, 2, 3}; std::cout << v.size() << "\\n"; }\n'


def build(work, compiler, name, source, *options):
    need(compiler)
    work.mkdir(exist_ok=True)
    (work / name).write_text(source)
    run(compiler, *options, name, "-o", "program", cwd=work)
    return run(str(work / "program"))


@on_both
def gcc(tmp):
    """`gcc`"""
    return build(aside(), "gcc", "a.c", C)


@on_both
def gcc_with_pipes(tmp):
    """`gcc -pipe -c`"""
    (aside() / "a.c").write_text(C)
    return run("gcc", "-pipe", "-c", "a.c", cwd=aside())


@on_both
def gcc_that_keeps_its_temporary_files(tmp):
    """`gcc -save-temps=obj`"""
    output = build(tmp / "work", "gcc", "a.c", C, "-save-temps=obj", "-dumpdir", str(tmp / "work") + "/")
    return [output, sorted(path.name for path in (tmp / "work").iterdir())]


@on_both
def gcc_with_link_time_optimization(tmp):
    """`gcc -flto -O2`, two jobs"""
    (aside() / "b.c").write_text("int twice(int x) { return 2 * x; }\n")
    return build(aside(), "gcc", "a.c", C, "-flto=2", "-flto-partition=max", "-O2", "b.c")


@on_both
def gcc_with_a_response_file(tmp):
    """`gcc @file`, which hands a temporary response file to `ld`"""
    (aside() / "options").write_text("-O1 a.c -o program -Wl,--as-needed\n")
    (aside() / "a.c").write_text(C)
    run("gcc", "@options", cwd=aside())
    return run(str(aside() / "program"))


@on_both
def gxx(tmp):
    """`g++`"""
    return build(aside(), "g++", "a.cc", CPP)


@on_both
def clang(tmp):
    """`clang`, compiling and linking at once"""
    return build(aside(), "clang", "a.c", C)


@on_both
def a_build_in_the_mount(tmp):
    """`gcc` of sources on the mount"""
    return build(tmp / "work", "gcc", "a.c", C)


@on_both
def make_with_jobs(tmp):
    """`make -j`, sources and objects on the mount"""
    need("make")
    work = tmp / "work"
    work.mkdir()
    for number in range(12):
        (work / f"f{number}.c").write_text(f"int f{number}(void) {{ return {number}; }}\n")
    (work / "main.c").write_text("int main(void) { return 0; }\n")
    (work / "Makefile").write_text("program: $(patsubst %.c,%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^\n")
    run("make", "-s", "-j4", cwd=work)
    again = run("make", "-j4", cwd=work)
    return [again, run(str(work / "program"))]


@on_both
def compiler_cache(tmp):
    """`ccache`, its cache on the mount"""
    need("ccache")
    (aside() / "a.c").write_text(C)
    environment = {**os.environ, "CCACHE_DIR": str(tmp / "cache")}
    for _ in range(2):
        run("ccache", "gcc", "-c", "a.c", "-o", "a.o", cwd=aside(), env=environment)
    counts = dict(line.split("\t") for line in run("ccache", "--print-stats", env=environment).splitlines())
    shutil.rmtree(tmp / "cache")
    return [counts["direct_cache_hit"], counts["cache_miss"], counts["internal_error"]]


@on_both(left="kinds")
def cmake_that_tries_to_compile(tmp):
    """`cmake` with `try_compile` and `try_run`, build tree on the mount"""
    need("cmake")
    source = aside() / "source"
    source.mkdir()
    (source / "a.c").write_text(C)
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(p C)\n"
        "include(CheckFunctionExists)\ncheck_function_exists(printf HAVE_PRINTF)\n"
        "include(CheckCSourceRuns)\ncheck_c_source_runs(\"int main(void) { return 0; }\" RUNS)\n"
        "message(STATUS \"answers: ${HAVE_PRINTF} ${RUNS}\")\nadd_executable(program a.c)\n")
    told = run("cmake", "-G", "Unix Makefiles", "-S", str(source), "-B", str(tmp / "build"))
    run("cmake", "--build", str(tmp / "build"))
    return [[line for line in told.splitlines() if "answers" in line or "-- Looking" in line],
            run(str(tmp / "build" / "program"))]


# What autoconf makes of AC_PROG_CC, AC_CHECK_FUNCS, AC_CHECK_SIZEOF and AC_CONFIG_FILES, in short.
CONFIGURE = r"""#!/bin/sh
as_tmp=`(umask 077 && mktemp -d "${TMPDIR-/tmp}/confXXXXXX")` || exit 1
trap 'rm -rf "$as_tmp" conftest* confdefs*' 0
exec 5>config.log
cat >confdefs.h <<_ACEOF
#define PACKAGE "p"
_ACEOF
try_link() {
  cat confdefs.h - >conftest.c
  rm -f conftest conftest.o
  gcc -o conftest conftest.c 2>conftest.err
  status=$?
  cat conftest.err >&5
  test $status = 0 && test -x conftest
}
for func in printf no_such_function strlcpy_of_old; do
  try_link <<_ACEOF
char $func(); int main() { return $func(); }
_ACEOF
  if test $? = 0; then result=yes; echo "#define HAVE_`echo $func | tr a-z A-Z` 1" >>confdefs.h; else result=no; fi
  echo "checking for $func... $result"
done
try_link <<_ACEOF
#include <stdio.h>
int main() { FILE* f = fopen("conftest.val", "w"); return !f || fprintf(f, "%d", (int)sizeof(int)) < 0 || fclose(f); }
_ACEOF
./conftest && echo "checking size of int... `cat conftest.val`"
cat >"$as_tmp/subs.sed" <<_ACEOF
s|@CC@|gcc|
s|@DEFS@|`grep -c define confdefs.h`|
_ACEOF
cat >config.status <<_ACEOF
#!/bin/sh
sed -f "$as_tmp/subs.sed" "`dirname $0`/Makefile.in" >conf.tmp && mv -f conf.tmp Makefile
_ACEOF
chmod +x config.status
./config.status
"""


@on_both(left="kinds")
def a_configure_script(tmp):
    """`./configure` as autoconf writes it, run in a build tree on the mount"""
    build_tree = tmp / "build"
    build_tree.mkdir()
    shell(f"cat > configure << 'END_OF_IT'\n{CONFIGURE}\nEND_OF_IT\nchmod +x configure", cwd=build_tree)
    (build_tree / "Makefile.in").write_text("all:\n\techo @CC@ @DEFS@\n")
    told = run("./configure", cwd=build_tree)
    return [told, run("make", "-s", cwd=build_tree), sorted(os.listdir(build_tree))]


if __name__ == "__main__":
    main()
