#!/usr/bin/env python3
"""go build, which links in TMPDIR and sets the x bit at open(2)."""
import os

from scratch import aside, main, on_both, run

SOURCE = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("built") }\n'


def go(where, *command, **more):
    return run("go", *command, cwd=where, env={**os.environ, "GOCACHE": str(aside() / "cache"), "GOFLAGS": "-mod=mod",
                                               "GOPATH": str(aside() / "path"), "GOTOOLCHAIN": "local", **more})


def project(where):
    (where / "main.go").write_text(SOURCE)
    (where / "go.mod").write_text("module p\n\ngo 1.19\n")
    (where / "main_test.go").write_text('package main\n\nimport ("os"; "testing")\n\nfunc TestFiles(t *testing.T) {\n'
                                        '  if os.WriteFile(t.TempDir()+"/f", nil, 0o600) != nil { t.Fatal("write") }\n}\n')


@on_both(needs=("go",))
def build_and_run(tmp):
    """`go build`, `go run`, `go test`, linking in TMPDIR"""
    project(aside())
    go(aside(), "build", "-o", "program", ".")
    tested = go(aside(), "test", ".").split()[0]
    return [run(str(aside() / "program")), go(aside(), "run", "."), tested, os.listdir(tmp)]


@on_both(needs=("go",), left="kinds")
def build_in_the_mount(tmp):
    """`go build`, sources, cache and program on the mount"""
    (tmp / "p").mkdir()
    project(tmp / "p")
    go(tmp / "p", "build", "-o", "program", ".", GOCACHE=str(tmp / "cache"))
    return run(str(tmp / "p" / "program"))


if __name__ == "__main__":
    main()
