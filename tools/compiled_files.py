"""Prints the project's own C++ files that a build compiles, one a line:  tools/compiled_files.py BUILD

Not the kernels (*.cu), which are C++ only by the emulator's grace.
"""
import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
entries = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
files = {e["file"] for e in entries if e["file"].startswith(str(root)) and e["file"].endswith(".cpp")}
print("\n".join(sorted(files)))
