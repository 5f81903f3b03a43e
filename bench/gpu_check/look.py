"""Before the stages: what there is, and what is missing."""
import os
import pathlib
import shutil

from check import last_json
from runner import Part

# Not by importing it, which takes many seconds the first time.
ASK_TORCH = """
import importlib.metadata, json
try:
    print(json.dumps({"version": importlib.metadata.version("torch")}))
except importlib.metadata.PackageNotFoundError as error:
    print(json.dumps({"why_absent": str(error)}))
"""


def look(check, deadline):
    """Says what is missing, a line each. False without a GPU where one is wanted."""
    check.run([Part("found/info", [check.program("camber"), "info"], 20, read_info),
               Part("found/pytorch", [check.python, "-c", ASK_TORCH], 20, last_json)], deadline, jobs=2)
    info = check.results.figures("found/info")
    # Where camber info did not end there may be a GPU all the same.
    no_gpu = (check.device == "cuda" and check.results.outcome("found/info") == "done"
              and "multiprocessors" not in info["cuda"])
    lines = missing(check) + ([f"a GPU: {info['cuda']}"] if no_gpu else [])
    check.results.data["missing"] = lines
    check.results.write()
    for line in lines:
        print(f"missing: {line}", flush=True)
    return not no_gpu


def read_info(output):
    """{text, cuda, emulated, libraries}: without the networks, what it says of two devices, a line a library."""
    text = output.split("\nnetworks", 1)[0]
    libraries = text.partition("\nlibraries for cuda\n")[2].split("\n\n")[0]
    lines = dict(line.strip().split(None, 1) for line in text.splitlines() if len(line.split()) > 1)
    return {"text": text, "cuda": lines.get("cuda", "this build has no device cuda"),
            "emulated": lines.get("emulated", "this build has no device emulated"),
            "libraries": [line.strip() for line in libraries.splitlines()]}


def missing(check):
    lines = [f"{check.program(name)}, a program of the build" for name in check.sizes.programs()
             if not os.access(check.program(name), os.X_OK)]
    if not (check.data / "train.txt").is_file():
        lines.append(f"{check.data}/train.txt: {check.data} is not a dataset's folder, so nothing is trained")
    if not pathlib.Path("tests/fixtures").is_dir():
        lines.append("tests/fixtures, which tests need: this is not run in the project's folder")
    lines += [line for line in check.results.figures("found/info").get("libraries", []) if line.startswith("no ")]
    if not sanitizer():
        lines.append("compute-sanitizer: kernels are not checked by it")
    if not check.has_torch():
        why = (check.results.figures("found/pytorch").get("why_absent")
               or check.results.data["parts"].get("found/pytorch", {}).get("why", ""))
        lines.append(f"PyTorch for {check.python}: nothing to compare the step with ({why})")
    return lines


def sanitizer():
    return shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
