"""The stages: what each runs, in which order, within which budgets. What matters most comes first."""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import time

import convolutions
import device_tests
import training
from device_tests import Suite
from runner import Part

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is computed."""
    step: dict           # bench_step's and unet_torch.py's network and batch
    steps: int           # timed ones
    slow_steps: int      # the same where a step takes long
    losses: dict         # the network whose losses are set beside the CPU's
    loss_steps: int
    kernels: tuple       # options of bench_kernels
    matrix: int          # rows and columns of the product that gives the matrix rate
    train: tuple         # options of camber train
    suites: tuple
    library_cases: str   # of test_backend, run on cuDNN's and cuBLAS's convolutions
    sanitizer: dict      # tool: cases of test_backend


FULL = Sizes(
    step={"batch": 16, "size": 256, "width": 64}, steps=50, slow_steps=10,
    losses={"batch": 4, "size": 64, "width": 16}, loss_steps=20,
    kernels=("--seconds", "0.02", "--rounds", "5"), matrix=8192,
    train=("--preset", "camvid-gpu"),
    suites=tuple(Suite(name) for name in ("backend", "ops", "nn", "optim", "nets", "train", "cudnn", "cublas", "metrics")),
    library_cases="convolutions as networks*,transposed*",
    sanitizer={"memcheck": "convolutions as networks*,batch normalisation with a residual*,pooling*,segmentation losses*,*optimizer steps*",
               "racecheck": "convolutions with tiny*,batch normalisation with a residual*,segmentation losses*",
               "synccheck": "convolutions with tiny*,batch normalisation with a residual*"})
TINY = Sizes(
    step={"batch": 1, "size": 16, "width": 2}, steps=2, slow_steps=1,
    losses={"batch": 1, "size": 16, "width": 2}, loss_steps=4,
    kernels=("--batch", "1", "--size", "8", "--channels", "8", "--classes", "4", "--parameters", "1000", "--seconds", "0.001",
             "--rounds", "1"), matrix=256,
    train=("--net", "unet", "--width", "2", "--size", "16x32", "--batch", "2", "--epochs", "1"),
    suites=(Suite("backend", ("-tc=the confusion matrix*,softmax",)), Suite("metrics")),
    library_cases="convolutions with tiny*", sanitizer={"memcheck": "softmax"})


@dataclasses.dataclass(frozen=True)
class Stage:
    name: str
    seconds: float
    about: str
    run: object  # of (Check, deadline)


@dataclasses.dataclass
class Check:
    """What the stages are given."""
    device: str
    build: pathlib.Path
    data: pathlib.Path
    python: str
    work: pathlib.Path
    choices: pathlib.Path
    sizes: Sizes
    jobs: int
    scale: float  # of the parts' budgets: 1 where the stages have theirs
    runner: object
    results: object

    def program(self, name):
        return str(self.build / name)

    def run(self, parts, deadline, jobs=1):
        """Those whose program is there; of the others it is said."""
        there = []
        for part in parts:
            if shutil.which(part.command[0]):
                there.append(dataclasses.replace(part, seconds=self.scale * part.seconds))
            else:
                self.absent(part.name, f"{part.command[0]} is not there")
        return self.runner.run(there, deadline, jobs)

    def absent(self, name, why):
        self.results.add(name, {"outcome": "absent", "why": why})

    def has_torch(self):
        return "version" in self.results.figures("found/pytorch")


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


def size_options(size):
    return [text for name, value in size.items() for text in (f"--{name}", str(value))]


# ---- 0: what there is

ASK_TORCH = """
import json
try:
    import torch
    print(json.dumps({"version": torch.__version__, "gpu": torch.cuda.is_available()}))
except ImportError as error:
    print(json.dumps({"why_absent": str(error)}))
"""


def look(check, deadline):
    """Libraries and their files, PyTorch, and what is missing: a line each. False without a GPU where one is wanted."""
    check.run([Part("found/info", [check.program("camber"), "info"], 20, read_info),
               Part("found/pytorch", [check.python, "-c", ASK_TORCH], 40, last_json)], deadline, jobs=2)
    return missing(check)


def read_info(output):
    lines = {line.split()[0]: line.split(None, 1)[1] for line in output.splitlines()
             if line.startswith("  ") and not line.startswith("   ") and len(line.split()) > 1}
    return {"text": output.split("\nnetworks", 1)[0], "cuda": lines.get("cuda", "this build has no device cuda"),
            "emulated": lines.get("emulated", "this build has no device emulated")}


def programs(sizes):
    """Of a build, those that are run."""
    return ["camber", "bench_step", "bench_kernels"] + [f"tests/test_{suite.name}" for suite in sizes.suites]


def missing(check):
    lines = []
    for name in programs(check.sizes):
        if not os.access(check.program(name), os.X_OK):
            lines.append(f"{check.program(name)}, a program of the build")
    if not (check.data / "train.txt").is_file():
        lines.append(f"{check.data}/train.txt: {check.data} is not a dataset's folder, so nothing is trained")
    if not pathlib.Path("tests/fixtures").is_dir():
        lines.append("tests/fixtures: tests against other libraries' numbers fail unless this runs in the project's folder")
    if not sanitizer():
        lines.append("compute-sanitizer: kernels are not checked by it")
    if not check.has_torch():
        why = check.results.figures("found/pytorch").get("why_absent") or check.results.data["parts"]["found/pytorch"].get("why", "")
        lines.append(f"PyTorch for {check.python}: nothing to compare the step with ({why})")
    info = check.results.figures("found/info")
    # Where camber info did not end there may be one all the same.
    no_gpu = check.device == "cuda" and check.results.outcome("found/info") == "done" and "multiprocessors" not in info["cuda"]
    if no_gpu:
        lines.append(f"a GPU: {info['cuda']}")
    check.results.data["missing"] = lines
    check.results.write()
    for line in lines:
        print(f"missing: {line}", flush=True)
    return not no_gpu


def sanitizer():
    return shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")


# ---- 1: does it work

def works(check, deadline):
    rates(check, deadline)
    compile_in_background(check)
    environment = {"CAMBER_TEST_DEVICES": check.device, "CAMBER_CONV": "own", "CAMBER_CACHE": str(check.work / "test-choices"), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    until = deadline - 0.16 * (deadline - time.monotonic())  # the rest is for what failed
    listed = list_tests(check, until)
    chunk = max(1, -(-sum(len(l.cases) for l in listed) // (4 * check.jobs)))
    tests = [part for l in listed for part in device_tests.parts(check.program(f"tests/test_{l.suite.name}"), l, chunk, 50, environment)]
    check.run(losses(check) + sanitizer_parts(check, environment) + library_tests(check, environment) + tests, until, check.jobs)
    check.run(again(check, listed, environment), deadline, check.jobs)


def rates(check, deadline):
    """The device's own ceilings, once a run."""
    if check.results.outcome("rates") != "done":
        check.run([Part("rates", [check.program("bench_kernels"), "--device", check.device, "--json", "--rates", "--matrix",
                                  str(check.sizes.matrix), *check.sizes.kernels], 20, read_rates, quiet=True)], deadline)


def read_rates(output):
    """Bytes of a copy and operations of a matrix product a second."""
    figures = {}
    for line in json_lines(output):
        if "copy_bytes_per_second" in line:
            figures["copy"] = line["copy_bytes_per_second"]
        elif "operations_per_second" in line:
            figures[line["matrix"]] = line["operations_per_second"]
        elif "why_absent" in line:
            figures["why_no_matrix"] = line["why_absent"]
    return figures


def compile_in_background(check):
    """What torch.compile measures beside the tests is measured again later (torch_tuned); what it compiles stays."""
    if check.has_torch() and check.device == "cuda":
        check.runner.start_background(torch_part(check, "compile", "bf16", ["compile-only"], 300), time.monotonic() + 300 * check.scale)


def losses(check):
    """Twenty steps of a small network on the CPU and on the device."""
    def part(name, device, dtype):
        return Part(f"trains/{name}", [check.program("bench_step"), "--device", device, "--dtype", dtype, "--losses", "--steps",
                                       str(check.sizes.loss_steps), *size_options(check.sizes.losses)], 40, last_json,
                    {"CAMBER_CONV": "own"})
    return [part("cpu", "cpu", "f32"), part("f32", check.device, "f32"), part("bf16", check.device, "bf16")]


def sanitizer_parts(check, environment):
    if not sanitizer():
        check.absent("sanitizer", "there is no compute-sanitizer")
        return []
    options = {"memcheck": ["--padding", "64"]}
    return [Part(f"sanitizer/{tool}", [sanitizer(), "--tool", tool, *options.get(tool, []), "--error-exitcode", "9",
                                       check.program("tests/test_backend"), f"-tc={cases}"], 45, read_sanitizer,
                 environment | {"CAMBER_MEMORY": "exact"}) for tool, cases in check.sizes.sanitizer.items()]


def read_sanitizer(output):
    lines = [line.removeprefix("=========").strip() for line in output.splitlines() if line.startswith("=========")]
    summary = [line for line in lines if line.startswith(("ERROR SUMMARY", "RACECHECK SUMMARY"))]
    # "Invalid __global__ read of size 4 bytes", then "at kernel(...)+0x90"
    findings = [line for line in lines if line.startswith(("Invalid", "Error:", "Race", "Barrier", "Uninitialized", "at ", "Potential", "Program hit"))]
    cases = re.search(r"test cases: +(\d+)", output)
    if cases and cases[1] == "0":
        raise ValueError("no test case has such a name")
    return {"summary": summary[-1] if summary else "", "findings": findings[:12]}


def library_tests(check, environment):
    """Convolutions as networks have them on each library's kernels, where it was found."""
    described = check.results.figures("found/info").get("cuda", "")
    parts = []
    for title, name in (("cuDNN", "cudnn"), ("cuBLAS", "cublas")):
        if check.device == "cuda" and f"{title} " in described and f"no {title}" not in described:
            parts.append(Part(f"library/{name}", [check.program("tests/test_backend"), "-r=xml", "-d", f"-tc={check.sizes.library_cases}"],
                              45, lambda output: device_tests.read_some(output), environment | {"CAMBER_CONV": name}))
        else:
            check.absent(f"library/{name}", f"{title} is not in use")
    return parts


def list_tests(check, deadline):
    check.run([device_tests.listing(check.program(f"tests/test_{suite.name}"), suite) for suite in check.sizes.suites], deadline, check.jobs)
    return [device_tests.Listed(suite, check.results.figures(f"listed/{suite.name}").get("cases", [])) for suite in check.sizes.suites]


def again(check, listed, environment):
    """Each case that failed, and those after it that were not reached, by itself."""
    parts = []
    for l in listed:
        outcomes = [o.get("figures", {}) for name, o in check.results.data["parts"].items()
                    if name.startswith(f"tests/{l.suite.name} ") and o["outcome"] != "not reached"]
        cases = [c for figures in outcomes for c in [*figures.get("failed", {}), *figures.get("unfinished", [])]]
        parts += [device_tests.again(check.program(f"tests/test_{l.suite.name}"), l, case, environment) for case in cases]
    return parts


# ---- 2: how fast is a step

def step(check, deadline):
    steps, slow = check.sizes.steps, check.sizes.slow_steps
    rates(check, deadline)
    check.run([step_part(check, "bf16", "bf16", 60, steps)], deadline)
    check.runner.end_background()
    on_gpu = check.device == "cuda"
    best = ["graph", "compile-graph"] if on_gpu else ["eager"]
    recorded = ["graph"] if on_gpu else ["eager"]
    check.run(torch_parts(check, [("bf16", "bf16", best, 60)]), deadline)
    check.run([step_part(check, "tf32", "f32", 40, slow, {"CAMBER_TF32": "1"}), step_part(check, "f32", "f32", 40, slow)] +
              torch_parts(check, [("tf32", "tf32", recorded, 30), ("f32", "f32", recorded, 30)]) +
              [step_part(check, "bf16-own", "bf16", 30, slow, {"CAMBER_CONV": "own"}),
               step_part(check, "bf16-nondeterministic", "bf16", 40, slow, {"CAMBER_DETERMINISTIC": "0"})], deadline)
    if on_gpu:
        check.run(torch_parts(check, [("bf16-tuned-alone", "bf16", ["compile-graph"], 150, "--tune-anew")]), deadline)


def step_part(check, name, dtype, seconds, steps, environment=None):
    return Part(f"step/{name}", [check.program("bench_step"), "--device", check.device, "--dtype", dtype, "--steps", str(steps),
                                 *size_options(check.sizes.step)], seconds, last_json, environment or {}, quiet=True)


def torch_parts(check, wanted):
    if not check.has_torch():
        for name, *_ in wanted:
            check.absent(f"pytorch/{name}", "there is no PyTorch")
        return []
    return [torch_part(check, *arguments) for arguments in wanted]


def torch_part(check, name, dtype, variants, seconds, *options):
    device = "cuda" if check.device == "cuda" else "cpu"
    return Part(f"pytorch/{name}", [check.python, str(HERE.parent / "peers" / "unet_torch.py"), "--device", device, "--dtype", dtype,
                                    "--channels-last", "--kernels", "20", "--steps", str(check.sizes.slow_steps * 2),
                                    *size_options(check.sizes.step), *options, "--variant", *variants], seconds,
                read_variants, quiet="compile-only" not in variants)


def read_variants(output):
    """By variant; the last line about each counts."""
    return {line["mode"]: line for line in json_lines(output) if "mode" in line}


# ---- 3: where its time goes

def kernels(check, deadline):
    rates(check, deadline)
    choices = convolutions.read(check.choices)
    rows = convolutions.of_step(choices, "bf16", check.sizes.step["batch"])
    if rows:
        check.results.add("convolutions", {"outcome": "done", "figures": {
            "calls": rows, "planning_seconds": convolutions.planning_seconds(choices)}})
    else:
        check.absent("convolutions", "the choice cache has nothing of this step: no library was in use, or it was not run")
    common = [check.program("bench_kernels"), "--json", "--device", check.device, *check.sizes.kernels]
    check.run([Part("kernels/own", common, 75, read_kernels, {"CAMBER_CONV": "own"}, quiet=True),
               Part("kernels/convolutions", [*common, "--only", "conv"], 40, read_kernels, quiet=True)], deadline)


def read_kernels(output):
    return {"rows": [line for line in json_lines(output) if "primitive" in line]}


# ---- 4: what it is for

def train(check, deadline):
    check.runner.end_background()
    if not (check.data / "train.txt").is_file():
        return check.absent("training", f"there is no dataset in {check.data}")
    run = check.work / "run"
    left = deadline - time.monotonic()
    minutes = [] if "--epochs" in check.sizes.train else ["--minutes", f"{max(0.1, (left - 12) / 1.1 / 60):.2f}"]
    check.results.gather |= {"run/config.json": run / "config.json", "run/metrics.jsonl": run / "metrics.jsonl"}
    begun = time.time()
    check.run([Part("training", [check.program("camber"), "train", *check.sizes.train, "--data", str(check.data), "--device", check.device,
                                 "--out", str(run), "--pictures", "1", *minutes], left,
                    lambda output: training.read(run, output) |
                    {"planning_seconds": convolutions.planning_seconds(convolutions.read(check.choices), since=begun)})], deadline)


STAGES = [
    Stage("works", 75, "libraries, rates, tests on the device, compute-sanitizer, does it train at all", works),
    Stage("step", 150, "the training step, beside PyTorch's", step),
    Stage("kernels", 90, "every convolution of the step, every primitive", kernels),
    Stage("training", 165, "a CamVid run", train),
]
