"""The device's own ceilings: what a copy and a large matrix product reach."""
from check import json_lines
from runner import Part


def measure(check, deadline):
    """Once a run."""
    if check.results.outcome("rates") != "done":
        command = check.primitives("--json", "--rates", *check.sizes.kernels, matrix=check.sizes.matrix)
        check.run([Part("rates", command, 20, read, quiet=True)], deadline)


def read(output):
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
