"""Stage 3: where a step's time goes."""
import convolutions
import rates
from check import json_lines
from runner import Part


def run(check, deadline):
    rates.measure(check, deadline)
    choices = convolutions.read(check.choices)
    rows = convolutions.of_step(choices, "bf16", check.sizes.step["batch"])
    if rows:
        check.results.add("convolutions", {"outcome": "done", "figures": {
            "calls": rows, "planning_seconds": sum(row["planning_seconds"] or 0 for row in rows)}})
    else:
        check.absent("convolutions", "the choice cache has none: no library was in use, or no step was run")
    options = ["--json", *check.sizes.kernels]
    check.run([Part("kernels/own", check.primitives(*options), 75, read_kernels, {"CAMBER_CONV": "own"},
                    quiet=True),
               Part("kernels/convolutions", check.primitives(*options, cases=("conv",)), 40, read_kernels,
                    quiet=True)], deadline)


def read_kernels(output):
    return {"rows": [line for line in json_lines(output) if "primitive" in line]}
