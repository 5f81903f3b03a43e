"""Packs what gpu_check needs into a folder, to be carried to a machine with a GPU; run in the project's folder.

    pack.py BUILD DATASET FOLDER [--archive FILE.tar.xz]

BUILD: a portable build (docs/gpu.md), built as far as it is not.

There: cd FOLDER && python3 bench/gpu_check --out RESULTS
"""
import argparse
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

from check import FULL

PROGRAMS = FULL.programs()
FILES = ["bench/gpu_check", "bench/peers/step_torch.py", "tests/fixtures", "data/camvid11.json"]
EVERYWHERE = ("libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "ld-linux")
LIMIT = 64  # MiB of the folder and the project's own files together
# The programs have most of their code in common, which a dictionary of this size finds.
XZ = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 64 << 20}]


def add_programs(build, archive):
    with tempfile.TemporaryDirectory() as folder, lzma.open(archive, "wb", filters=XZ) as stream, \
            tarfile.open(fileobj=stream, mode="w") as tar:
        stripped = pathlib.Path(folder) / "stripped"
        for program in PROGRAMS:
            if not (build / program).is_file():
                print(f"left out: {build / program} is not built", file=sys.stderr)
                continue
            subprocess.run(["strip", "-o", stripped, build / program], check=True)
            for needed in libraries_of(stripped):
                print(f"{program} needs {needed}: not a portable build", file=sys.stderr)
            tar.add(stripped, f"build/{program}")
        for library in sorted((build / "tests").glob("lib*.so")):  # what tests of the libraries load
            tar.add(library, f"build/tests/{library.name}")


def libraries_of(program):
    """Those it needs that are not everywhere."""
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    names = [line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]
    return [name for name in names if not name.startswith(EVERYWHERE)]


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def tracked_size():
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False).stdout.split(b"\0")
    return sum(os.path.getsize(file) for file in files if file and os.path.isfile(file))


def bring_up_to_date(build):
    """The folder says which commit the programs are of: they must be of this one."""
    cache = (build / "CMakeCache.txt").read_text() if (build / "CMakeCache.txt").is_file() else ""
    home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache, re.M)
    if not home or not os.path.samefile(home[1], "."):
        sys.exit(f"pack.py: {build} is not a build of this folder")
    targets = ["camber_command" if program == "camber" else pathlib.Path(program).name for program in PROGRAMS]
    command = ["cmake", "--build", build, "--target", *targets]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        sys.exit(f"pack.py: this fails: {' '.join(map(str, command))}")


def commit():
    answer = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return f"commit {answer.stdout.strip()}" if answer.returncode == 0 else "no commit known"


def main():
    parser = argparse.ArgumentParser(prog="pack.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("dataset", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--archive", type=pathlib.Path, help="the folder as one file, too")
    args = parser.parse_args()
    if args.folder.exists():
        sys.exit(f"pack.py: {args.folder} exists already; remove it to pack anew")
    if not (args.dataset / "train.txt").is_file():
        sys.exit(f"pack.py: {args.dataset} is not a dataset's folder: it has no train.txt")
    bring_up_to_date(args.build)
    args.folder.mkdir(parents=True)
    (args.folder / "COMMIT").write_text(commit() + "\n")
    add_programs(args.build, args.folder / "programs.tar.xz")
    for name in FILES:
        target = args.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.isdir(name):
            shutil.copytree(name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(name, target)
    shutil.copytree(args.dataset, args.folder / "camvid")
    for folder, _, _ in os.walk(args.folder / "camvid"):
        os.chmod(folder, 0o755)  # of a dataset that must not be written, the copy may be removed
    size, tracked = size_of(args.folder), tracked_size()
    programs = (args.folder / "programs.tar.xz").stat().st_size
    print(f"{args.folder}: {size / 2**20:.1f} MiB (programs {programs / 2**20:.1f}); "
          f"with the project's own files {(size + tracked) / 2**20:.1f} MiB")
    if args.archive:
        with tarfile.open(args.archive, "w:xz", preset=1) as tar:
            tar.add(args.folder, args.folder.name)
        print(f"{args.archive}: {args.archive.stat().st_size / 2**20:.1f} MiB")
    if size + tracked > LIMIT << 20:
        sys.exit(f"pack.py: more than {LIMIT} MiB together")


if __name__ == "__main__":
    main()
