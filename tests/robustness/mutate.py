"""Gives the camber command damaged files of every kind that it reads.

Whatever the file, the command ends in its time with exit code 0, 1 or 2, at most one line on standard error, no more
than 2 GB of addresses, no file half written. What does otherwise is kept in --keep with the command that shows it. The
same --seed gives the same files. README.md says how to run it.
"""

import argparse
import concurrent.futures
import os
import random
import shlex
import shutil
import sys
import tempfile

import command
import kinds

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures")


def written(paths):
    """What there is at the paths that a command may write: bytes by name."""
    found = {}
    for path in paths:
        if os.path.isfile(path):
            found[path] = kinds.read(path)
        for folder, _, names in os.walk(path):
            found.update({f"{folder}/{name}": kinds.read(f"{folder}/{name}") for name in names})
    return found


def half_written(folder, camber, before, after, code, trained):
    """Which of the files that a command wrote is not whole; empty for none. What was `trained` from damaged weights may
    have grown beyond all numbers."""
    whole = (b"no such folder", b"is not finite") if trained else (b"no such folder",)
    left = [name for _, _, names in os.walk(folder) for name in names if ".tmp" in name]
    if left:
        return f"left {left[0]}"
    for path, data in after.items():
        if before.get(path) == data:
            continue
        if path.endswith(".safetensors"):
            errors = command.run([camber, "eval", "--checkpoint", path, "--data", "nowhere"], 30).errors
            if not any(answer in errors for answer in whole):
                return f"{path} is not whole"
        elif not data.startswith(b"\x89PNG") or not data.endswith(b"IEND\xaeB`\x82"):
            return f"{path} is not whole"
    if code in (1, 2) and any(path not in before for path in after if path.endswith("out.safetensors")):
        return "wrote its output all the same"
    return ""


def try_one(shop, kind, index, options):
    """The fault of one damaged file; empty for none."""
    rng = random.Random(f"{options.seed} {kind.name} {index}")
    damaged = kind.damage(rng.choice(kind.seeds), rng)
    folder = tempfile.mkdtemp(prefix=f"{kind.name}-{index}-", dir=shop.folder)
    arguments, paths = kind.command(folder, damaged)
    before = written(paths)
    result = command.run([shop.camber, *arguments], 3 if kind.endless else options.seconds,
                         options.megabytes * 1_000_000, kind.endless)
    fault = result.fault() or half_written(folder, shop.camber, before, written(paths), result.code,
                                           kind.endless)
    # A configuration may ask for a network of any size.
    if not fault and b"out of memory" in result.errors and kind.name not in ("config", "resumed", "checkpoint"):
        fault = "too much memory"
    if fault:
        kept = os.path.join(options.keep, f"{kind.name}-{index}")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
        line = shlex.join([shop.camber, *arguments]).replace(folder, kept)
        kinds.write(os.path.join(kept, "fault"), f"{fault}\n{line}\n".encode() + result.errors)
        fault = f"{kind.name} {index}: {fault} after {result.seconds:.1f} s: {line}: {result.errors[:300]!r}"
    shutil.rmtree(folder)
    return result.code, fault


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camber", help="the command")
    parser.add_argument("--count", type=int, default=1000, help="files of each kind [1000]")
    parser.add_argument("--kinds", nargs="+", help="only these")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2, help="at a time [2]")
    parser.add_argument("--seconds", type=float, default=30, help="that a command may take [30]")
    parser.add_argument("--megabytes", type=int, default=2000,
                        help="of addresses, libraries and stacks included; 0: no limit, for sanitizers [2000]")
    parser.add_argument("--keep", default="mutated", help="folder for what shows a fault [mutated]")
    options = parser.parse_args()
    options.camber, options.keep = os.path.abspath(options.camber), os.path.abspath(options.keep)

    faults = 0
    with tempfile.TemporaryDirectory(prefix="camber-mutate-") as folder:
        shop = kinds.Workshop(options.camber, os.path.normpath(FIXTURES), folder)
        unknown = set(options.kinds or []) - {kind.name for kind in shop.kinds}
        if unknown:
            parser.error(f"unknown kinds {sorted(unknown)}: {[kind.name for kind in shop.kinds]}")
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for kind in shop.kinds:
                if not kind.seeds or (options.kinds and kind.name not in options.kinds):
                    continue
                codes, wrong = {}, 0
                jobs = [pool.submit(try_one, shop, kind, i, options) for i in range(options.count)]
                for job in jobs:
                    code, fault = job.result()
                    codes[code] = codes.get(code, 0) + 1
                    if fault:
                        wrong += 1
                        print(fault, flush=True)
                print(f"{kind.name}: {options.count} files, {wrong} faults, exit codes "
                      + ", ".join(f"{code}: {n}" for code, n in sorted(codes.items())), flush=True)
                faults += wrong
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
