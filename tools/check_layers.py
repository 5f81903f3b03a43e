#!/usr/bin/env python3
"""Fails where a file includes what lies above it. The layers, from the ground up, are named here and nowhere else."""

import pathlib
import re
import sys

# A line is a layer: its folders, and its public headers (include/camber/NAME.h, and include/camber.h). What stands in
# one line may include each other; everything else only what is in an earlier line.
LAYERS = [
    ("src/core", "bf16 device dtype element_type error names named_tensor philox progress shape tensor"),
    ("src/io", "checkpoint image picture_rows safetensors weights"),
    ("src/backend", "channel_slice types"),
    ("cuda/emulator cuda/libraries", ""),
    ("cuda/runtime", ""),
    ("cuda/kernels", ""),
    ("cuda/convolutions", ""),
    ("cuda/cudnn cuda/cublas", ""),
    ("cuda/backend", ""),
    ("src/devices", ""),
    ("src/autograd", "autograd"),
    ("src/ops", "ops"),
    ("src/nn", "init layers module parameter_buffer summary"),
    ("src/distributed", ""),
    ("nets", "nets"),
    ("src/inference", ""),
    ("src/weights", "import"),
    ("src/optim src/metrics", "lr_range_test metrics optim schedule"),
    ("src/data", "augment class_table data_folder dataset label_picture loader"),
    ("src/synth", "synth"),
    ("src/report", ""),
    ("cuda/laboratory", ""),
    ("src/train", "memory_plan prediction train"),
    ("src/c_interface", "camber"),
    ("src/cli", ""),
]

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def layer_of(file):
    """The index in LAYERS of a path relative to the root; None where no layer has it."""
    folder, name = str(file.parent), file.stem
    best = None
    for index, (folders, headers) in enumerate(LAYERS):
        if folder in ("include", "include/camber") and name in headers.split():
            return index
        for own in folders.split():
            if (folder == own or folder.startswith(own + "/")) and (best is None or len(own) > best[1]):
                best = (index, len(own))
    return best and best[0]


def included(file, name):
    """The project's file that an include means, or None."""
    for base in (file.parent, pathlib.Path("."), pathlib.Path("src"), pathlib.Path("include")):
        path = base / name
        if (ROOT / path).is_file():
            return pathlib.Path(*path.parts)
    return None


def main():
    faults = []
    for base in ("include", "src", "nets", "cuda"):
        for path in sorted((ROOT / base).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu", ".cuh", ".def", ".inc"):
                continue
            file = path.relative_to(ROOT)
            layer = layer_of(file)
            if layer is None:
                faults.append(f"{file} is in no layer: name it in tools/check_layers.py")
                continue
            for name in INCLUDE.findall(path.read_text()):
                other = included(file, name)
                above = layer_of(other) if other else None
                if above is not None and above > layer:
                    faults.append(f"{file} includes {other}, which is above it")
    print("\n".join(faults) if faults else "every include points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
