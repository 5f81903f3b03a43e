#!/usr/bin/env python3
"""Has TensorBoard's own reader read what `camber train --tensorboard` writes, of a run that was killed and resumed:
every number of metrics.jsonl is there, once; pictures are the files'; histograms count every parameter; options are
known.
tensorboard_test.py CAMBER. Ends with 77, which ctest shows as skipped, where Python has no package tensorboard."""

import json
import math
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginAccumulator
    from tensorboard.plugins.hparams import metadata
except ImportError:
    print("TensorBoard is not there to read its files: pip install tensorboard")
    sys.exit(77)

EVERYTHING = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}


def expected(line):
    """The scalars of a line of metrics.jsonl."""
    scalars = {}

    def add(value, tag):
        if isinstance(value, dict):
            for name, item in value.items():
                add(item, f"{tag}/{name}" if tag else name)
        elif isinstance(value, list):
            for scores in value:
                for figure, number in scores.items():
                    add(number, f"{tag.removesuffix('/classes')}_{figure}/{scores['name']}")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            scalars[tag] = value

    add({name: value for name, value in line.items() if name != "epoch"}, "")
    if line["best"]:
        for name in ("mean_iou", "pixel_accuracy"):
            scalars[f"best/{name}"] = line["val"][name]
    return scalars


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def train_and_kill(camber, folder, *arguments):
    """Kills a run once it has trained for two epochs."""
    run = subprocess.Popen([camber, "train", "--out", folder, *arguments], stdout=subprocess.DEVNULL)
    metrics = folder / "metrics.jsonl"
    while run.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") >= 2):
        time.sleep(0.001)
    run.send_signal(signal.SIGKILL)
    if run.wait() != -signal.SIGKILL:
        sys.exit("the run ended before it was killed")


def check_scalars(events, lines):
    seen = {(tag, event.step): event.value for tag in events.Tags()["scalars"] for event in events.Scalars(tag)}
    count = sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])
    assert count == len(seen), "a point is there twice"
    wanted = {(tag, line["epoch"] + 1): value for line in lines for tag, value in expected(line).items()}
    assert seen.keys() == wanted.keys(), sorted(seen.keys() ^ wanted.keys())
    for point, value in wanted.items():
        assert seen[point] == single(value), (point, seen[point], value)
    return count


def check_histograms(events, last):
    parameters = 0
    for tag in events.Tags()["histograms"]:
        steps = [event.step for event in events.Histograms(tag)]
        assert steps == sorted(set(steps)) and steps[0] == 1 and steps[-1] == last, (tag, steps)
        for event in events.Histograms(tag):
            h = event.histogram_value
            assert sum(h.bucket) == h.num and h.min <= h.max and math.isfinite(h.sum), tag
        parameters += h.num if tag.startswith("weights/") else 0
    gradients = [tag for tag in events.Tags()["histograms"] if tag.startswith("gradients/")]
    assert any(events.Histograms(tag)[-1].histogram_value.sum_squares > 0 for tag in gradients)
    return parameters


def check_run(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance=EVERYTHING)
    events.Reload()
    scalars = check_scalars(events, lines)
    layers = json.loads((folder / "run.json").read_text())["layers"]
    parameters = check_histograms(events, lines[-1]["epoch"] + 1)
    assert parameters == layers["trainable"], (parameters, layers["trainable"])
    best = max(line["epoch"] for line in lines if line["best"])
    pictures = {file.stem: file.read_bytes() for file in (folder / "pictures").iterdir()}
    assert pictures and {f"pictures/{name}" for name in pictures} == set(events.Tags()["images"])
    for name, png in pictures.items():
        last = events.Images(f"pictures/{name}")[-1]
        assert last.step == best + 1 and last.encoded_image_string == png, name

    plugins = PluginAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0})
    plugins.Reload()
    content = {tag: plugins.SummaryMetadata(tag).plugin_data.content for tag in ("_hparams_/session_start_info",
                                                                                  "_hparams_/session_end_info")}
    begun = metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    config = json.loads((folder / "config.json").read_text())
    assert begun.hparams["lr"].number_value == config["lr"] and begun.hparams["net"].string_value == config["net"]
    assert metadata.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"]).status == 1
    for tag in ("configuration", "network", "protocol"):
        assert plugins.Tensors(tag)[0].tensor_proto.string_val[0]
    print(f"{scalars} scalars, histograms of {parameters} parameters, {len(pictures)} pictures")


def main():
    camber = sys.argv[1]
    if len(sys.argv) > 2:  # a run that is there
        return check_run(pathlib.Path(sys.argv[2]))
    with tempfile.TemporaryDirectory() as temporary:
        data, run = pathlib.Path(temporary) / "data", pathlib.Path(temporary) / "run"
        subprocess.run([camber, "data", "synth", "--out", data, "--train", "24", "--val", "8", "--size", "48x64"],
                       check=True, stdout=subprocess.DEVNULL)
        train_and_kill(camber, run, "--data", data, "--width", "2", "--size", "32x48", "--epochs", "12", "--batch", "4",
                       "--device", "cpu", "--pictures", "2", "--tensorboard")
        subprocess.run([camber, "train", "--resume", "--out", run], check=True, stdout=subprocess.DEVNULL)
        assert len(list((run / "tensorboard").iterdir())) == 2, "a session has no file"
        check_run(run)


main()
