"""Everything that only a GPU can show, in one command of at most eight minutes; nothing is lost when it is cut short.

    python3 bench/gpu_check --out results                  in the folder that pack.py made (docs/gpu.md)
    python3 bench/gpu_check --out again --stages step,kernels --before results/results.tar    measures these again

Stages, in this order: works, step, kernels, networks (if it is named), training. Each has a budget and is ended at
it; what one leaves goes to those after it. The folder given gets table.txt, results.json and results.tar (these two,
logs, the choice cache), written anew after each part. What is wanted beside what was measured is printed last. Exit
code 0: all was done and nothing failed; 1: not so; 2: it could not begin.
"""
import argparse
import datetime
import fcntl
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback

BEGUN = time.monotonic()
PROGRAMS = pathlib.Path("programs.tar.xz")
LEAST_SECONDS = 5
MARK = ".gpu_check"  # in a folder of this program's own
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

import report
from check import FULL, TINY, Check
from look import look
from results import Results, read_before
from runner import Cut, Runner
from stages import STAGES


def arguments():
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [stage.name for stage in STAGES]
    always = ",".join(stage.name for stage in STAGES if stage.always)
    option = parser.add_argument
    option("--out", required=True, type=pathlib.Path, help="folder of the results")
    option("--build", type=pathlib.Path, help="folder of the programs [what programs.tar.xz holds, else build]")
    option("--data", type=pathlib.Path, default=pathlib.Path("camvid"), help="folder of the dataset [camvid]")
    option("--device", choices=["cuda", "emulated"], default="cuda")
    option("--tiny", action="store_true", help="tiny sizes: to try this command, not the device")
    option("--stages", default=always, help=f"of {','.join(names)} [{always}]")
    option("--seconds", type=float, help="for all [480; with --stages fewer 150; networks wants 300]")
    option("--before", type=pathlib.Path, help="results.tar of an earlier run: its choice cache is used, and its "
           "figures are shown where there are none of this run, if the device is the same")
    option("--python", default="python3", help="the one that has PyTorch [python3]")
    option("--jobs", type=int, help="processes of tests at a time")
    option("--work", type=pathlib.Path, help="folder for what is not in the results; compiled kernels that an earlier "
           "run left in it are used [a temporary one]")
    args = parser.parse_args()
    args.chosen = [name for name in args.stages.split(",") if name]
    if unknown := set(args.chosen) - set(names):
        parser.error(f"unknown stage '{', '.join(sorted(unknown))}': the stages are {', '.join(names)}")
    if not args.chosen:
        parser.error(f"--stages names none of {', '.join(names)}")
    if args.seconds is None:
        args.seconds = 480 if len(args.chosen) >= len(always.split(",")) else 150
    if not LEAST_SECONDS <= args.seconds < math.inf:
        parser.error(f"--seconds: at least {LEAST_SECONDS}, not {args.seconds}")
    return args


def commit():
    for ask in (["cat", "COMMIT"], ["git", "describe", "--always", "--dirty"]):
        answer = subprocess.run(ask, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return answer.stdout.strip()
    return ""


def unpack(archive, work):
    """The folder of the programs."""
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # packed by pack.py
        tar.extractall(work)
    return work / "build"


def own_folder(given):
    """Made, or one that this program made, and no other process's for as long as this one lives."""
    work = given or pathlib.Path(tempfile.mkdtemp(prefix="gpu_check."))
    work.mkdir(parents=True, exist_ok=True)
    if any(work.iterdir()) and not (work / MARK).is_file():
        raise ValueError(f"--work {work} holds files that are not this program's")
    lock = os.open(work / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(f"--work {work} is in use by another run") from None
    for old in ("logs", "run"):
        shutil.rmtree(work / old, ignore_errors=True)
    return work


def prepare(args):
    """Folders, results and what runs the parts."""
    work = own_folder(args.work)
    choices, logs = work / "choices", work / "logs"
    for folder in (choices, logs):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_WAIT_POLICY": "passive", "CAMBER_CACHE": str(choices.resolve()),
                   "TORCHINDUCTOR_CACHE_DIR": str((work / "inductor").resolve())}
    cores = len(os.sched_getaffinity(0))
    sizes = TINY if args.tiny else FULL
    begun = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    about = {"begun": begun, "device": args.device, "tiny": args.tiny, "stages": args.chosen, "seconds": args.seconds,
             "cores": cores, "commit": commit(), "suites": [suite.name for suite in sizes.suites]}
    results = Results(args.out, logs, choices, about, report.text)
    if args.before:
        try:
            results.data["before"] = read_before(args.before, choices)
        except Exception as error:  # whatever such a file may hold
            if not args.work:
                shutil.rmtree(work)
            raise ValueError(f"{args.before} is not the results.tar of an earlier run: {error}") from None
    results.write()
    runner = Runner(logs, results.add, results.update, grace=min(1.5, 0.02 * args.seconds))
    return Check(device=args.device, build=args.build or pathlib.Path("build"), data=args.data, python=args.python,
                 work=work, choices=choices, sizes=sizes,
                 jobs=args.jobs or max(1, min(14, cores - 2)),
                 scale=min(1, args.seconds / sum(stage.seconds for stage in STAGES if stage.name in args.chosen)),
                 runner=runner, results=results)


def run_stages(check, args):
    """False where it cannot begin."""
    end = BEGUN + args.seconds - 2 * check.runner.grace - 1  # then what runs is ended, and the last tables are written
    if not args.build and PROGRAMS.is_file():
        check.build = unpack(PROGRAMS, check.work)
    if not look(check, min(end, time.monotonic() + 45 * check.scale)):
        return False
    deadline = BEGUN
    for stage in STAGES:
        if stage.name not in args.chosen:
            continue
        deadline += check.scale * stage.seconds
        print(f"== {stage.name}: {stage.about} ({time.monotonic() - BEGUN:.0f} s so far)", flush=True)
        try:
            stage.run(check, min(deadline, end))
        except Exception:  # a fault of this program's must not cost the other stages
            check.results.add(f"{stage.name}/fault", {"outcome": "failed", "why": traceback.format_exc()})
    return True


def main():
    args = arguments()
    try:
        check = prepare(args)
    except (OSError, ValueError) as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return 2
    results = check.results
    for number in SIGNALS:
        signal.signal(number, lambda number, _: setattr(check.runner, "why_cut", signal.Signals(number).name))
    code = 2
    try:
        if run_stages(check, args):
            fine = all(part["outcome"] in ("done", "absent") for part in results.data["parts"].values())
            code = 0 if fine and not results.why_not_written else 1
    except Cut as why:
        code = 1
        print(f"ended by {why}", flush=True)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        check.runner.cut()
        results.data["about"]["took_seconds"] = round(time.monotonic() - BEGUN, 1)
        results.write()
        print(report.text(results.data, brief=True), end="", flush=True)
        if not args.work:
            shutil.rmtree(check.work, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
