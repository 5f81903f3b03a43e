"""Stage 1: does it work. The device's own ceilings, losses beside the CPU's, compute-sanitizer, the tests."""
import os
import re
import time

import device_tests
import rates
import step
from check import last_json, options_of
from look import sanitizer
from runner import Part

FOR_WHAT_FAILED = 0.16  # of the stage's time


def run(check, deadline):
    rates.measure(check, deadline)
    step.compile_in_background(check, **check.sizes.step)
    environment = {"CAMBER_TEST_DEVICES": check.device, "CAMBER_CONV": "own",
                   "CAMBER_CACHE": str(check.work / "test-choices"),
                   "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    until = deadline - FOR_WHAT_FAILED * (deadline - time.monotonic())
    listed = list_tests(check, until)
    chunk = max(1, -(-sum(len(l.cases) for l in listed) // (4 * check.jobs)))
    tests = [part for l in listed
             for part in device_tests.parts(check.program(f"tests/test_{l.suite.name}"), l, chunk, 50, environment)]
    check.run(losses(check) + sanitizer_parts(check, environment) + library_tests(check, environment) + tests,
              until, check.jobs)
    check.run(again(check, listed, environment), deadline, check.jobs)


def losses(check):
    """Some steps of a small network on the CPU and on the device."""
    def part(name, device, dtype):
        options = {"device": device, "dtype": dtype, "steps": check.sizes.loss_steps} | check.sizes.losses
        return Part(f"trains/{name}", [check.program("bench_step"), "--losses", *options_of(options)], 40, last_json,
                    {"CAMBER_CONV": "own"})
    return [part("cpu", "cpu", "f32"), part("f32", check.device, "f32"), part("bf16", check.device, "bf16")]


def sanitizer_parts(check, environment):
    if not sanitizer():
        check.absent("sanitizer", "there is no compute-sanitizer")
        return []
    options = {"memcheck": ["--padding", "64"]}
    return [Part(f"sanitizer/{tool}",
                 [sanitizer(), "--tool", tool, *options.get(tool, []), "--error-exitcode", "9",
                  check.program("tests/test_backend"), f"-tc={cases}"],
                 45, read_sanitizer, environment | ({"CAMBER_MEMORY": "exact"} if tool == "memcheck" else {}))
            for tool, cases in check.sizes.sanitizer.items()]


FINDINGS = ("Invalid", "Error:", "Race", "Barrier", "Uninitialized", "Potential", "Program hit", "at ")


def read_sanitizer(output):
    """{summary, findings}: "Invalid __global__ read of size 4 bytes", then "at kernel(...)+0x90". Throws ValueError
    where no test ran."""
    lines = [line.removeprefix("=========").strip() for line in output.splitlines() if line.startswith("=========")]
    summary = [line for line in lines if line.startswith(("ERROR SUMMARY", "RACECHECK SUMMARY"))]
    cases = re.search(r"test cases: +(\d+)", output)
    if cases and cases[1] == "0":
        raise ValueError("no test case has such a name")
    return {"summary": summary[-1] if summary else "",
            "findings": [line for line in lines if line.startswith(FINDINGS)][:12]}


def library_tests(check, environment):
    """Convolutions as networks have them on each library's kernels, where it is in use."""
    described = check.results.figures("found/info").get("cuda", "")
    parts = []
    for title, name in (("cuDNN", "cudnn"), ("cuBLAS", "cublas")):
        if check.device == "cuda" and re.search(rf"{title} \d", described):
            for cases in check.sizes.library_cases:  # planning takes long: side by side
                command = [check.program("tests/test_backend"), "-r=xml", "-d", f"-tc={cases}"]
                parts.append(Part(f"library/{name} {cases}", command, 60, device_tests.read_some,
                                  environment | {"CAMBER_CONV": name}))
        else:
            check.absent(f"library/{name}", f"{title} is not in use")
    return parts


def list_tests(check, deadline):
    suites = check.sizes.suites
    check.run([device_tests.listing(check.program(f"tests/test_{suite.name}"), suite) for suite in suites],
              deadline, check.jobs)
    return [device_tests.Listed(suite, check.results.figures(f"listed/{suite.name}").get("cases", []))
            for suite in suites]


def again(check, listed, environment):
    """Each case that failed, and those after it that were not reached, by itself."""
    parts = []
    for l in listed:
        outcomes = [outcome.get("figures", {}) for name, outcome in check.results.data["parts"].items()
                    if name.startswith(f"tests/{l.suite.name} ") and outcome["outcome"] != "not reached"]
        cases = [case for figures in outcomes
                 for case in [*figures.get("failed", {}), *figures.get("unfinished", [])]]
        program = check.program(f"tests/test_{l.suite.name}")
        parts += [device_tests.again(program, l, case, environment) for case in cases]
    return parts
