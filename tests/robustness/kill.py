"""Kills runs of `camber train` at any moment, and resumes them.

Each run is killed (SIGKILL) one to three times: the moments are spread over its whole life, and some are those at which
a file is being written, or at which the run has begun and has no checkpoint yet. What is left must go on with --resume,
or begin anew where nothing was begun, and end with the same weights, the same optimizer state and the same lines of
metrics, bit for bit, as a run that nobody killed. The same --seed gives the same moments, as far as the machine's speed
is the same. README.md says how to run it.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import mutations

# Of a line of metrics.jsonl, these say how long it took.
TIMES = ("seconds", "seconds_in", "elapsed", "images_per_second", "peak_bytes")


def start(arguments):
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env={**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"})


def finish(arguments):
    """Runs to the end; gives exit code and standard error."""
    process = start(arguments)
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors.decode(errors="replace")


def temporary_in(folder):
    """Whether a file is just being written."""
    return any(".tmp-" in name for _, _, names in os.walk(folder) for name in names)


def kill_at(arguments, seconds, when):
    """Runs for so many seconds, and on until `when()`. True when it was killed, False when it ended before."""
    process = start(arguments)
    begin = time.monotonic()
    while process.poll() is None and not (time.monotonic() - begin >= seconds and when()):
        time.sleep(0.0002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def digest(path):
    with open(path, "rb") as file:
        data = file.read()
    header, rest = mutations.header_of(data)
    tensors = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
    return hashlib.sha256(json.dumps(tensors, sort_keys=True).encode() + rest).hexdigest()


def outcome(folder):
    """What must be the same: tensors of both checkpoints, and the metrics without their times."""
    with open(f"{folder}/metrics.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
    return [digest(f"{folder}/{name}.safetensors") for name in ("best", "last")] + lines


class Trial:
    def __init__(self, camber, data, folder, expected, seconds):
        self.camber, self.data, self.folder, self.expected, self.seconds = camber, data, folder, expected, seconds

    @staticmethod
    def arguments(camber, data, folder):
        # Checkpoints as often as can be; several epochs, validation, averages, dropout and pictures.
        return [camber, "train", "--data", data, "--out", folder, "--width", "2", "--size", "32x32", "--batch", "2",
                "--epochs", "6", "--ema", "0.9", "--dropout", "0.2", "--pictures", "1", "--checkpoint-minutes", "0"]

    def __call__(self, index, seed):
        """What went wrong with kill number `index`; empty for nothing. And where it was killed."""
        rng = random.Random(f"{seed} {index}")
        run = f"{self.folder}/run-{index}"
        new, resume = self.arguments(self.camber, self.data, run), [self.camber, "train", "--resume", "--out", run]
        begun = lambda: os.path.exists(f"{run}/config.json")
        saved = lambda: os.path.exists(f"{run}/last.safetensors")
        moments = [(1, lambda: True), (1, lambda: True), (1, lambda: temporary_in(run)), (0.2, lambda: True),
                   (0, lambda: begun() and not saved())]
        stages = []
        share = 1.0
        wanted = rng.choice((1, 1, 2, 3))
        while len(stages) < wanted:
            most, when = rng.choice(moments)
            if kill_at(resume if begun() else new, share * rng.uniform(0, most * self.seconds), when):
                stages.append(("while writing" if temporary_in(run) else "between writes") if saved() else
                              "before the first checkpoint" if begun() else "before the folder")
            elif stages:
                break
            else:  # it ended before: again, and sooner
                shutil.rmtree(run)
                share /= 2
        code, errors = finish(resume if begun() else new)
        if code != 0:
            return f"run {index}: not continued, exit code {code}: {errors}", stages
        if outcome(run) != self.expected:
            return f"run {index}: another outcome, killed {', '.join(stages)}", stages
        left = sorted(name for name in os.listdir(run) if ".tmp-" in name)
        if left:
            return f"run {index}: left {left}", stages
        shutil.rmtree(run)
        return "", stages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camber", help="the command")
    parser.add_argument("--count", type=int, default=200, help="runs that are killed [200]")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2, help="at a time [2]")
    options = parser.parse_args()
    camber = os.path.abspath(options.camber)

    faults, kills = 0, {}
    with tempfile.TemporaryDirectory(prefix="camber-kill-") as folder:
        data, whole = f"{folder}/data", f"{folder}/whole"
        subprocess.run([camber, "data", "synth", "--out", data, "--train", "4", "--val", "2", "--size", "32x48"],
                       check=True, stdout=subprocess.DEVNULL)
        begin = time.monotonic()
        code, errors = finish(Trial.arguments(camber, data, whole))
        seconds = time.monotonic() - begin
        if code != 0:
            sys.exit(f"the run that nobody kills failed: {errors}")
        trial = Trial(camber, data, folder, outcome(whole), seconds)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for job in [pool.submit(trial, i, options.seed) for i in range(options.count)]:
                fault, stages = job.result()
                for stage in stages:
                    kills[stage] = kills.get(stage, 0) + 1
                if fault:
                    faults += 1
                    print(fault, flush=True)
    print(f"{options.count} runs of {seconds:.2f} s, {faults} faults; kills: "
          + ", ".join(f"{n} {stage}" for stage, n in sorted(kills.items())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
