#!/usr/bin/env python3
"""ImageMagick's pixel caches, ffmpeg's two passes, numpy's maps."""
import shutil
import subprocess
import sys

from scratch import aside, main, on_both, run


def imagemagick():
    """Its program for converting images, or None. There are others of that name."""
    for program in ("magick", "convert-im6.q16", "convert"):
        if shutil.which(program) and "ImageMagick" in subprocess.run([program, "-version"], capture_output=True,
                                                                     text=True).stdout:
            return program
    return None


def numpy_python():
    """A Python that has numpy, or None."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import numpy"], capture_output=True).returncode == 0:
            return python
    return None


@on_both(unless=lambda: None if imagemagick() else "ImageMagick is not installed")
def pixels_on_disk(tmp):
    """ImageMagick `convert`, pixel caches in TMPDIR"""
    run(imagemagick(), "-limit", "memory", "1MiB", "-limit", "map", "0", "-limit", "thread", "1",
        "-size", "600x400", "gradient:red-blue", "-flip", "-rotate", "90", "-resize", "50%", "-depth", "8", str(aside() / "a.ppm"))
    return run("sha256sum", str(aside() / "a.ppm"))


@on_both(needs=("ffmpeg",), left="kinds")
def video_in_two_passes(tmp):
    """`ffmpeg` in two passes, its log and frames on the mount"""
    work = tmp / "work"
    work.mkdir()
    source = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc=duration=1:size=160x120:rate=10",
              "-c:v", "mpeg4", "-bitexact", "-threads", "1"]
    run(*source, "-pass", "1", "-f", "null", "-", cwd=work)
    run(*source, "-pass", "2", "a.avi", cwd=work)
    run("ffmpeg", "-loglevel", "error", "-i", "a.avi", "frame%02d.png", cwd=work)
    return run("ls", str(work))


@on_both(unless=lambda: None if numpy_python() else "numpy is not installed")
def arrays_in_files(tmp):
    """numpy `memmap` and `save`"""
    code = ("import numpy, os, tempfile\n"
            "with tempfile.NamedTemporaryFile(dir=os.environ['TMPDIR']) as file:\n"
            "    array = numpy.memmap(file, dtype='float64', mode='w+', shape=(1000, 1000))\n"
            "    array[:] = numpy.arange(1000000).reshape(1000, 1000); array.flush()\n"
            "    again = numpy.memmap(file.name, dtype='float64', mode='r', shape=(1000, 1000))\n"
            "    print(again.sum())\n"
            "with tempfile.TemporaryDirectory(dir=os.environ['TMPDIR']) as directory:\n"
            "    path = os.path.join(directory, 'a.npy'); numpy.save(path, numpy.arange(100000))\n"
            "    print(numpy.load(path, mmap_mode='r').sum())\n")
    return run(numpy_python(), "-c", code)


if __name__ == "__main__":
    main()
