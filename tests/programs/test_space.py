#!/usr/bin/env python3
"""A 1 GiB temporary file shows in df while it is open, and its space is back when it is closed."""
import os
import tempfile
import time

from scratch import main, on_both

SIZE = 1 << 30
SLACK = 64 << 20  # what else is going on, and a budget's reserve


def used(tmp):
    status = os.statvfs(tmp)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


@on_both
def a_gigabyte_comes_and_goes(tmp):
    before = used(tmp)
    with tempfile.TemporaryFile() as file:
        piece = os.urandom(1 << 20)
        for _ in range(SIZE >> 20):
            file.write(piece)
        file.flush()
        while_open = used(tmp) - before
        file.seek(SIZE - len(piece))
        last = file.read() == piece
    deadline = time.monotonic() + 1
    while used(tmp) > before + SLACK and time.monotonic() < deadline:
        pass
    return [abs(while_open - SIZE) < SLACK, last, used(tmp) - before < SLACK]


if __name__ == "__main__":
    main()
