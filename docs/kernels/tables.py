#!/usr/bin/env python3
"""Brings the tables of the stories up to date, or says which are not.

    docs/kernels/tables.py [--check] [CAMBER]

A table is a block of a story that begins with "$ camber bench kernels ..." and holds what that prints. Rounding errors
that atomic additions make from run to run do not count as a difference.
"""

import pathlib
import re
import shlex
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
BLOCK = re.compile(r"^```\n\$ (camber bench kernels [^\n]*)\n(.*?)^```$", re.M | re.S)


def without_errors(table):
    return re.sub(r" +(\de-\d+|0\.\d+|0)(?= +\d+ +\d+\.\d of )", "", table)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    camber = arguments[0] if arguments else "build/camber"
    stale = []
    for story in sorted(FOLDER.glob("*.md")):
        text = story.read_text()

        def printed(match):
            command = shlex.split(match.group(1))[1:]
            run = subprocess.run([camber, *command], capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{story.name}: {match.group(1)}: {run.stderr.strip()}")
            if without_errors(run.stdout) == without_errors(match.group(2)):
                return match.group(0)
            stale.append(f"{story.name}: {match.group(1)} prints something else")
            return f"```\n$ {match.group(1)}\n{run.stdout}```"

        new = BLOCK.sub(printed, text)
        if new != text and "--check" not in sys.argv:
            story.write_text(new)
    if "--check" in sys.argv:
        print("\n".join(stale) or "the stories' tables are what the command prints")
        return len(stale) > 0
    print("\n".join(s.replace("prints something else", "brought up to date") for s in stale) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
