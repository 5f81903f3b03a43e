"""Stage 2: how fast a training step is, beside PyTorch's."""
import pathlib
import time

import rates
from check import json_lines, last_json, options_of
from runner import Part

PEER = pathlib.Path(__file__).resolve().parent.parent / "peers" / "step_torch.py"
COMPILING = 300  # seconds at most, from the first stage on
WAITING = 45     # of these, seconds for which the device is left to it


def run(check, deadline):
    steps, slow = check.sizes.steps, check.sizes.slow_steps
    on_gpu = check.device == "cuda"
    recorded, best = (["graph"], ["compile-graph", "graph"]) if on_gpu else (["eager"], ["eager"])
    rates.measure(check, deadline)
    size = check.sizes.step
    check.run([camber(check, "bf16", "bf16", 60, steps, **size)], deadline)
    check.runner.end_background(min(deadline, time.monotonic() + check.scale * WAITING))
    check.run(torch(check, "bf16", "bf16", best, 90, **size), deadline)
    check.run([camber(check, "bf16-own", "bf16", 30, slow, {"CAMBER_CONV": "own"}, **size),
               camber(check, "bf16-nondeterministic", "bf16", 40, slow, {"CAMBER_DETERMINISTIC": "0"}, **size)] +
              [part for dtype in ("tf32", "f32") for part in
               [camber(check, dtype, dtype, 40, slow, **size)] + torch(check, dtype, dtype, recorded, 60, **size)],
              deadline)


def camber(check, name, dtype, seconds, steps, environment=None, **size):
    """dtype: also tf32, f32 rounded in convolutions."""
    tf32 = {"CAMBER_TF32": "1"} if dtype == "tf32" else {}
    command = check.command("bench_step", dtype="f32" if tf32 else dtype, steps=steps, **size)
    return Part(f"step/{name}", command, seconds, last_json, tf32 | (environment or {}), quiet=True)


def torch(check, name, dtype, variants, seconds, **size):
    """At most one part."""
    if not check.has_torch():
        check.absent(f"pytorch/{name}", "there is no PyTorch")
        return []
    values = {"device": "cuda" if check.device == "cuda" else "cpu", "dtype": dtype, "kernels": 20,
              "steps": 2 * check.sizes.slow_steps} | size
    command = [check.python, str(PEER), "--channels-last", *options_of(values), "--variant", *variants]
    return [Part(f"pytorch/{name}", command, seconds, read_variants, quiet="compile-only" not in variants)]


def compile_in_background(check, name="compile", **size):
    """So that later parts find what it compiled."""
    if check.has_torch() and check.device == "cuda":
        for part in torch(check, name, "bf16", ["compile-only"], check.scale * COMPILING, **size):
            part.command[:0] = ["nice"]  # the tests' processes come first
            check.runner.start_background(part)


def read_variants(output):
    """By variant; the last line about each counts."""
    return {line["mode"]: line for line in json_lines(output) if "mode" in line}
