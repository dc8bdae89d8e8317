#!/usr/bin/env python3
"""Java: temporary files, and a library that is taken out of a jar and loaded."""
import os
import pathlib
import shutil

from scratch import aside, killed, main, on_both, run, there_are

SOURCE = """
import java.io.*;
import java.nio.file.*;
import java.util.zip.*;

public class Main {
  static native int twice(int x);

  static void files() throws Exception {
    File file = File.createTempFile("pre", ".dat");
    file.deleteOnExit();
    try (FileWriter out = new FileWriter(file)) { out.write("hello"); }
    System.out.println(new String(Files.readAllBytes(file.toPath())));
    Path path = Files.createTempFile("nio", null);
    Files.write(path, new byte[100000]);
    Path directory = Files.createTempDirectory("dir");
    Files.move(path, directory.resolve("moved"));
    Files.copy(directory.resolve("moved"), directory.resolve("copy"));
    System.out.println(Files.size(directory.resolve("copy")) + " " + Files.list(directory).count());
    try (RandomAccessFile mapped = new RandomAccessFile(directory.resolve("copy").toFile(), "rw")) {
      mapped.getChannel().map(java.nio.channels.FileChannel.MapMode.READ_WRITE, 0, 4096).put(5, (byte) 7);
      mapped.seek(5);
      System.out.println(mapped.read());
    }
    Path unnamed = Files.createTempFile("gone", null);
    try (InputStream in = Files.newInputStream(unnamed, StandardOpenOption.DELETE_ON_CLOSE)) { in.read(); }
    System.out.println(Files.exists(unnamed));
  }

  static void library(String jar) throws Exception {
    Path library = Files.createTempFile("lib", ".so");
    try (ZipFile zip = new ZipFile(jar); InputStream in = zip.getInputStream(zip.getEntry("libtwice.so"))) {
      Files.copy(in, library, StandardCopyOption.REPLACE_EXISTING);
    }
    System.load(library.toString());
    Files.delete(library);
    System.out.println(twice(21));
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("files")) files();
    if (arguments[0].equals("library")) library(arguments[1]);
    if (arguments[0].equals("wait")) { Files.createTempFile("nio", null); File.createTempFile("java.io", null); Thread.sleep(600000); }
  }
}
"""
LIBRARY = "#include <jni.h>\nJNIEXPORT jint JNICALL Java_Main_twice(JNIEnv* env, jclass c, jint x) { return 2 * x; }\n"


def compile_it():
    (aside() / "Main.java").write_text(SOURCE)
    run("javac", f"-J-Djava.io.tmpdir={aside()}", "Main.java", cwd=aside())


def java(tmp, *arguments):
    return run("java", f"-Djava.io.tmpdir={tmp}", "-XX:-UsePerfData", "Main", *arguments, cwd=aside())


@on_both(needs=("javac",))
def temporary_files(tmp):
    """Java `File.createTempFile`, `Files.createTempDirectory`"""
    compile_it()
    return java(tmp, "files")


@on_both(needs=("javac", "zip"))
def a_library_out_of_a_jar(tmp):
    """Java: a JNI library copied to a temporary file and loaded"""
    compile_it()
    home = pathlib.Path(shutil.which("javac")).resolve().parents[1]
    (aside() / "twice.c").write_text(LIBRARY)
    run("gcc", "-pipe", "-shared", "-fPIC", f"-I{home}/include", f"-I{home}/include/linux", "twice.c", "-o", "libtwice.so",
        cwd=aside(), env={**os.environ, "TMPDIR": str(aside())})
    run("zip", "-q", "a.jar", "libtwice.so", cwd=aside())
    return java(tmp, "library", str(aside() / "a.jar"))


@killed(there_are(2, "*io*.tmp"), needs=("javac",))
def java_in_the_middle(tmp):
    compile_it()
    java(tmp, "wait")


if __name__ == "__main__":
    main()
