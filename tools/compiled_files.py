"""Prints the project's own C++ files that a build compiles, one a line, and writes how each is compiled where clang's
tools look for it, without precompiled headers:  tools/compiled_files.py BUILD OUT/compile_commands.json

Not the kernels (*.cu), which are C++ only by the emulator's grace.
"""
import json
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
entries = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
entries = [e for e in entries if e["file"].startswith(str(root)) and e["file"].endswith(".cpp")]
# With what camber_precompile() gives gcc, which clang does not know.
gcc_only = r" (-Winvalid-pch|-fpch-preprocess|-Wno-stringop-\w+|-include \S*cmake_pch\.hxx)"
for entry in entries:
    entry["command"] = re.sub(gcc_only, "", entry["command"])
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps(entries, indent=0))
print("\n".join(sorted({e["file"] for e in entries})))
