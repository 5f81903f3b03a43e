"""What every stage is given, and how much it computes."""
import dataclasses
import json
import pathlib
import shutil

from device_tests import Suite


@dataclasses.dataclass(frozen=True)
class Sizes:
    step: dict          # network and batch of the training step: bench_step's and the peer's
    steps: int          # timed ones
    slow_steps: int     # the same where a step takes long
    losses: dict        # the network whose losses are set beside the CPU's
    loss_steps: int
    kernels: tuple      # options of camber bench primitives
    matrix: int         # rows and columns of the product that gives the matrix rate
    train: tuple        # options of camber train
    suites: tuple       # of tests, the most important first
    library_cases: tuple  # of test_backend, run on cuDNN's and cuBLAS's convolutions
    sanitizer: dict     # tool of compute-sanitizer: cases of test_backend

    def programs(self):
        """Of a build, those that are run."""
        return ["camber", "bench_step"] + [f"tests/test_{suite.name}" for suite in self.suites]


FULL = Sizes(
    step={"batch": 16, "size": 256}, steps=50, slow_steps=10,
    losses={"batch": 4, "size": 64, "set": "width=16"}, loss_steps=20,
    kernels=("--seconds", "0.02", "--rounds", "5"), matrix=8192,
    train=("--preset", "camvid-gpu"),
    suites=tuple(Suite(name) for name in (
        "backend", "ops", "nn", "optim", "nets", "train", "cudnn", "cublas", "metrics")),
    library_cases=("convolutions as networks*",),
    sanitizer={"memcheck": "convolutions as networks*,batch normalisation with a residual*,pooling*,"
                           "segmentation losses*,*optimizer steps*",
               "racecheck": "convolutions with tiny*,batch normalisation with a residual*,segmentation losses*",
               "synccheck": "convolutions with tiny*,batch normalisation with a residual*"})
TINY = Sizes(
    step={"batch": 1, "size": 16, "set": "width=2"}, steps=2, slow_steps=1,
    losses={"batch": 1, "size": 16, "set": "width=2"}, loss_steps=4,
    kernels=("--batch", "1", "--size", "8", "--channels", "8", "--classes", "4", "--parameters", "1000",
             "--seconds", "0.001", "--rounds", "1"), matrix=256,
    train=("--net", "unet", "--width", "2", "--size", "16x32", "--batch", "2", "--epochs", "1"),
    suites=(Suite("backend", ("-tc=argmax*,softmax",)), Suite("metrics")),
    library_cases=("convolutions with tiny*",), sanitizer={"memcheck": "softmax"})


@dataclasses.dataclass
class Check:
    device: str            # of the programs
    build: pathlib.Path    # their folder
    data: pathlib.Path     # the dataset's folder
    python: str            # the one that may have PyTorch
    work: pathlib.Path     # what is not kept
    choices: pathlib.Path  # the choice cache
    sizes: Sizes
    jobs: int              # processes of tests at a time
    scale: float           # of the parts' budgets: 1 where the stages have theirs
    runner: object
    results: object

    def program(self, name):
        return str(self.build / name)

    def command(self, name, *options, **more):
        """A program of the build on the device; `more` are options that have a value."""
        return [self.program(name), "--device", self.device, *options, *options_of(more)]

    def primitives(self, *options, cases=(), **more):
        """`camber bench primitives` on the device; `cases`: parts of names, without any all."""
        return [self.program("camber"), "bench", "primitives", *cases, "--device", self.device, *options,
                *options_of(more)]

    def run(self, parts, deadline, jobs=1):
        """Those whose program is there; of the others it is said."""
        there = []
        for part in parts:
            if shutil.which(part.command[0]):
                there.append(dataclasses.replace(part, seconds=self.scale * part.seconds))
            else:
                # Of the build everything is wanted.
                outcome = "failed" if part.command[0].startswith(f"{self.build}/") else "absent"
                self.results.add(part.name, {"outcome": outcome, "why": f"{part.command[0]} is not there"})
        self.runner.run(there, deadline, jobs)

    def absent(self, name, why):
        self.results.add(name, {"outcome": "absent", "why": why})

    def has_torch(self):
        return "version" in self.results.figures("found/pytorch")


def options_of(values):
    return [text for name, value in values.items() for text in (f"--{name}", str(value))]


def json_lines(output):
    """The objects that a program printed, a line each; a last line cut short is left out."""
    found = []
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def last_json(output):
    return (json_lines(output) or [{}])[-1]
