"""Runs `camber train` in several processes under mpirun, and has them fail in every way.

What must hold: the losses are those of one process; a folder is written once; a fault is one line of Camber's, an exit
code other than 0 and an end in bounded time (mpirun says more, which is its own); after it the run goes on, with
another number of processes too.

  runs.py CAMBER MPIRUN [--kills N] [--seed S]
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT = 3  # seconds that a rank is waited for (CAMBER_RANK_TIMEOUT)
LIMIT = 60   # seconds in which a fault must have ended the job, on a machine that does other things too
LEARN = ["--width", "2", "--size", "32x32", "--batch", "4", "--ema", "0.9", "--dropout", "0.2", "--pictures", "1",
         "--checkpoint-minutes", "0", "--loss", "cross_entropy+dice"]


class Job:
    """mpirun with what it starts."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CAMBER_RANK_TIMEOUT": str(TIMEOUT), **environment})

    def ranks(self):
        """Process ids by rank."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                if parent != self.process.pid:
                    continue
                with open(f"/proc/{pid}/environ", "rb") as file:
                    rank = re.search(rb"(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)", file.read())
                if rank:
                    found[int(rank[1])] = int(pid)
            except (OSError, IndexError):
                pass
        return found

    def end(self, limit=LIMIT):
        """Exit code, output, and the lines in which Camber says what is wrong."""
        try:
            output, errors = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, errors = self.process.communicate()
            return "no end", output, errors.splitlines()
        said = [line for line in errors.splitlines() if "camber: error:" in line]
        return self.process.returncode, output, said


class Tests:
    def __init__(self, camber, mpirun, folder):
        self.camber, self.mpirun, self.folder = camber, mpirun, folder
        self.faults = 0
        for name, seed in (("data", "1"), ("other", "2")):
            subprocess.run([camber, "data", "synth", "--out", f"{folder}/{name}", "--train", "10", "--val", "5",
                            "--size", "40x48", "--seed", seed], check=True, stdout=subprocess.DEVNULL)

    def train(self, out, *options, data="data", epochs=4):
        return [self.camber, "train", "--data", f"{self.folder}/{data}", "--out", f"{self.folder}/{out}", *LEARN,
                "--epochs", str(epochs), *options]

    def resume(self, out):
        return [self.camber, "train", "--resume", "--out", f"{self.folder}/{out}"]

    def start(self, processes, command, **environment):
        return Job([self.mpirun, "-n", str(processes), *command], **environment)

    def check(self, what, holds, seen=""):
        if holds:
            print(f"{what}: as it must be", flush=True)
        else:
            self.faults += 1
            print(f"{what}: WRONG {seen}", flush=True)

    def refused(self, what, job, words, code=1):
        """`code` None: mpirun's own, whatever it is."""
        begin = time.monotonic()
        found, _, said = job.end()
        good = found in ((code,) if code is not None else range(256)) and len(said) == 1 and re.search(words, said[0])
        self.check(f"{what} ({time.monotonic() - begin:.1f} s)", good, f"exit code {found}: {said}")

    def metrics(self, out):
        with open(f"{self.folder}/{out}/metrics.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def same_run(self, what, out, processes_alike, reference="one"):
        """Whether the run in `out` found what that of one process in `reference` did."""
        one, other = self.metrics(reference), self.metrics(out)
        near = len(one) == len(other) and all(
            a["epoch"] == b["epoch"] and abs(a["train"]["loss"] - b["train"]["loss"]) < 1e-4
            and abs(a["val"]["loss"] - b["val"]["loss"]) < 1e-3 for a, b in zip(one, other))
        if processes_alike:
            near = near and [line["train"] for line in one] == [line["train"] for line in other]
        self.check(what, near, f"{[line['train']['loss'] for line in one]} {[line['train']['loss'] for line in other]}")

    def equal(self):
        subprocess.run(self.train("one"), check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "OMP_NUM_THREADS": "1"})
        for processes in (1, 2, 3, 4):
            out = f"of-{processes}"
            code, output, said = self.start(processes, self.train(out)).end(300)
            self.check(f"{processes} processes end", code == 0 and not said, f"{code} {said}")
            self.same_run(f"{processes} processes give what one gives", out, processes == 1)
            epochs = re.findall("epoch .* train loss .* val loss", output)
            self.check(f"{processes} processes print once", len(epochs) == 4, output)
            files = sorted(os.listdir(f"{self.folder}/{out}"))
            self.check(f"{processes} processes write once", files == sorted(os.listdir(f"{self.folder}/one")), files)
        code, _, said = self.start(2, self.train("local", "--local-batch-norm")).end(300)
        self.check("--local-batch-norm", code == 0 and not said, f"{code} {said}")
        clock = self.train("clock")[:-2] + ["--minutes", "0.1"]
        begin = time.monotonic()
        code, _, said = self.start(2, clock).end(300)
        self.check(f"--minutes 0.1 ({time.monotonic() - begin:.0f} s)", code == 0 and not said, f"{code} {said}")

    def refusals(self):
        train = self.train
        pair = lambda first, second: Job([self.mpirun, "-n", "1", *first, ":", "-n", "1", *second])
        self.refused("another option on one rank", pair(train("a"), train("a", "--lr", "0.5")),
                     "rank 1 differs from rank 0: another 'lr'")
        self.refused("other frames on one rank", pair(train("b"), train("b", data="other")), "another frames in --data")
        shutil.copy(self.camber, f"{self.folder}/build")
        with open(f"{self.folder}/build", "ab") as file:
            file.write(b"\0")
        shutil.copy(os.path.join(os.path.dirname(self.camber), "libcamber_mpi.so"), self.folder)
        self.refused("another build on one rank", pair(train("c"), [f"{self.folder}/build", *train("c")[1:]]),
                     "another build of Camber")
        self.refused("no data on one rank", pair(train("d"), train("d", data="none")), "rank 1: .*none")
        self.refused("no data at all", self.start(2, train("d", data="none")), "error: [^r].*none")
        self.refused("more processes than frames in a batch", self.start(5, train("e")), "5 processes cannot share", 2)
        self.refused("lr-find", self.start(2, [self.camber, "lr-find", "--data", f"{self.folder}/data", "--out",
                                               self.folder]), "lr-find is for one process", 2)
        self.refused("--batch auto", self.start(2, train("e", "--batch", "auto")), "--batch auto is for one", 2)
        self.refused("a folder that holds a run", self.start(2, train("one")), "already holds a run", 2)
        self.refused("no MPI", self.start(2, train("e"), CAMBER_MPI_LIBRARY=f"{self.folder}/no.so"), "has no MPI")
        left = sorted(name for name in "abcde" if os.path.exists(f"{self.folder}/{name}"))
        self.check("what is refused writes nothing", not left, left)

    def emulated(self):
        """On the emulated device, where NCCL has a stand-in."""
        if "emulated" not in subprocess.run([self.camber, "info"], capture_output=True, text=True).stdout:
            return
        options = ["--device", "emulated", "--depth", "1"]
        slow = {"CAMBER_RANK_TIMEOUT": "120"}
        for processes in (1, 2, 3):
            out = f"emulated-{processes}"
            code, output, said = self.start(processes, self.train(out, *options, epochs=2), **slow).end(300)
            self.check(f"{processes} emulated devices end", code == 0 and not said, f"{code} {said}")
            self.check(f"{processes} emulated devices record their steps", "at a time" not in output, output)
            if processes > 1:
                self.same_run(f"{processes} emulated devices give what one gives", out, False, "emulated-1")
        job = self.start(2, self.train("emulated-stopped", *options, epochs=4000), CAMBER_RANK_TIMEOUT="15")
        self.wait_for_checkpoint("emulated-stopped", job)
        os.kill(job.ranks()[1], signal.SIGSTOP)
        self.refused("an emulated device whose process is stopped", job, "rank 1 of 2 did not come within 15 s")

    def wait_for_checkpoint(self, out, job):
        while not os.path.exists(f"{self.folder}/{out}/last.safetensors") and job.process.poll() is None:
            time.sleep(0.01)

    def goes_on(self, what, out, processes):
        code, _, said = self.start(processes, self.resume(out)).end(300)
        self.check(f"{what}: goes on with {processes}", code == 0 and not said, f"{code} {said}")

    def lost(self):
        """A rank that stops or dies while a long run trains."""
        job = self.start(3, self.train("stopped", epochs=4000))
        self.wait_for_checkpoint("stopped", job)
        os.kill(job.ranks()[1], signal.SIGSTOP)
        self.refused("a rank that is stopped", job, "rank 1 of 3 did not come within 3 s")
        # As srun does where it does not end the others: of mpirun Open MPI's alone can be told to.
        if "Open MPI" in subprocess.run([self.mpirun, "--version"], capture_output=True, text=True).stdout:
            job = Job([self.mpirun, "--enable-recovery", "-n", "3", *self.train("killed", epochs=4000)])
            self.wait_for_checkpoint("killed", job)
            os.kill(job.ranks()[2], signal.SIGKILL)
            self.refused("a rank that is killed, and its launcher leaves it", job, "rank 2 of 3 did not come", None)
        job = self.start(2, self.train("asked"))
        self.wait_for_checkpoint("asked", job)
        for pid in list(job.ranks().values())[:1]:
            os.kill(pid, signal.SIGUSR1)
        code, output, said = job.end()
        self.check("SIGUSR1 saves", code in (0, 130) and not said, f"{code} {said} {output}")
        self.goes_on("after SIGUSR1", "asked", 3)
        self.same_run("after SIGUSR1", "asked", False)

    def kills(self, count, seed):
        """A rank, or all of a job, killed at any moment; what is left goes on with other numbers of processes."""
        rng = random.Random(seed)
        for index in range(count):
            out, processes = f"kill-{index}", rng.choice((2, 3))
            job = self.start(processes, self.train(out))
            time.sleep(rng.uniform(0, 3))
            ranks = job.ranks()
            if ranks:
                os.kill(ranks[rng.choice(sorted(ranks))], signal.SIGKILL)
            job.end()
            then = rng.choice((1, 2, 3))
            begun = os.path.exists(f"{self.folder}/{out}/config.json")
            code, _, said = self.start(then, self.resume(out) if begun else self.train(out)).end(300)
            self.check(f"kill {index} of {processes}, then {then}", code == 0 and not said, f"{code} {said}")
            self.same_run(f"kill {index}", out, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camber", help="the command")
    parser.add_argument("mpirun")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="camber-mpi-") as folder:
        tests = Tests(os.path.abspath(options.camber), options.mpirun, folder)
        tests.equal()
        tests.refusals()
        tests.lost()
        tests.emulated()
        tests.kills(options.kills, options.seed)
    print(f"{tests.faults} faults")
    return 1 if tests.faults else 0


if __name__ == "__main__":
    sys.exit(main())
