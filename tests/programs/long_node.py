#!/usr/bin/env python3
"""Node.js and npm."""
import os

from scratch import aside, killed, main, on_both, run, there_are

SCRIPT = """
const fs = require('fs'), os = require('os'), path = require('path');
const made = fs.mkdtempSync(path.join(os.tmpdir(), 'job-'));
fs.mkdirSync(path.join(made, 'a', 'b'), { recursive: true });
for (let i = 0; i < 50; i++) fs.writeFileSync(path.join(made, 'a', 'b', `${i}`), 'x'.repeat(i));
fs.copyFileSync(path.join(made, 'a', 'b', '7'), path.join(made, 'copy'));
fs.renameSync(path.join(made, 'copy'), path.join(made, 'moved'));
const all = fs.readdirSync(path.join(made, 'a', 'b')).length;
const read = fs.readFileSync(path.join(made, 'moved'), 'utf8');
fs.rmSync(made, { recursive: true });
console.log(os.tmpdir() === process.env.TMPDIR, all, read, fs.existsSync(made));
"""


@on_both(needs=("node",))
def a_temporary_directory(tmp):
    """Node.js `fs.mkdtemp`"""
    return run("node", "-e", SCRIPT)


@on_both(needs=("npm",), left="kinds")
def npm_installs_a_local_package(tmp):
    """`npm install` of a packed local package, its cache on the mount"""
    package, project = aside() / "package", aside() / "project"
    package.mkdir()
    project.mkdir()
    (package / "package.json").write_text('{"name": "hello", "version": "1.0.0", "main": "index.js"}')
    (package / "index.js").write_text("module.exports = 'installed';\n")
    (project / "package.json").write_text('{"name": "p", "version": "1.0.0", "private": true}')
    environment = {**os.environ, "npm_config_cache": str(tmp / "cache"), "npm_config_update_notifier": "false"}
    run("npm", "pack", "--loglevel=error", "--pack-destination", str(aside()), cwd=package, env=environment)
    run("npm", "install", "--offline", "--loglevel=error", "--no-audit", "--no-fund", str(aside() / "hello-1.0.0.tgz"),
        cwd=project, env=environment)
    return [run("node", "-p", "require('hello')", cwd=project), sorted(os.listdir(project / "node_modules"))]


@on_both(needs=("npm",), left="kinds")
def npm_runs_a_script_in_the_mount(tmp):
    """`npm install` of a directory and `npm run`, the project on the mount"""
    project = tmp / "project"
    (project / "dependency").mkdir(parents=True)
    (project / "dependency/package.json").write_text('{"name": "dependency", "version": "1.0.0", "main": "index.js"}')
    (project / "dependency/index.js").write_text("module.exports = 42;\n")
    (project / "package.json").write_text('{"name": "p", "version": "1.0.0", "private": true, '
                                          '"scripts": {"show": "node -p \\"require(\'dependency\')\\""}}')
    environment = {**os.environ, "npm_config_cache": str(aside() / "cache"), "npm_config_update_notifier": "false"}
    run("npm", "install", "--offline", "--loglevel=error", "--no-audit", "--no-fund", "./dependency", cwd=project, env=environment)
    return [run("npm", "run", "--silent", "show", cwd=project, env=environment), sorted(os.listdir(project))]


@killed(there_are(1, "job-*/30"), needs=("node",))
def node_in_the_middle(tmp):
    run("node", "-e", "const fs = require('fs'); const d = fs.mkdtempSync(process.env.TMPDIR + '/job-');"
        "for (let i = 0; i <= 30; i++) fs.writeFileSync(`${d}/${i}`, 'x'); setTimeout(() => 0, 600000);")


if __name__ == "__main__":
    main()
