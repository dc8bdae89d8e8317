"""A tree of 4,000 sources and a file of lines to sort, the same on every machine.

usage: materials.py DIRECTORY
"""
import os
import random
import sys

FILES = 4000
LINES_OF_HEX = 64  # times 2 MB


def make_tree(top):
    letters = "abcdefghijklmnopqrstuvwxyz_"
    words = ["".join(random.choices(letters, k=random.randint(2, 12))) for _ in range(3000)]
    for number in range(FILES):
        folder = f"{top}/part{number % 16}/folder{number % 240}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/source{number}.c", "w") as file:
            for _ in range(int(random.lognormvariate(4.5, 1.1))):
                file.write(" ".join(random.choices(words, k=random.randint(1, 9))) + ";\n")


def make_lines(name):
    with open(name, "w") as file:
        for _ in range(LINES_OF_HEX):
            text = random.randbytes(1000000).hex()
            file.writelines(text[at : at + 40] + "\n" for at in range(0, len(text), 40))


random.seed(1)
make_tree(f"{sys.argv[1]}/tree")
make_lines(f"{sys.argv[1]}/lines")
