"""Stage 4: what it is for. A training run on CamVid."""
import json
import time

import convolutions
from runner import Part

WANTED = 0.7  # validation mean IoU
START_UP = 12  # seconds before training begins and after it ends


def run(check, deadline):
    check.runner.end_background()
    if not (check.data / "train.txt").is_file():
        return check.absent("training", f"there is no dataset in {check.data}")
    folder = check.work / "run"
    left = deadline - time.monotonic()
    # A run takes up to a tenth longer than it planned.
    minutes = [] if "--epochs" in check.sizes.train else ["--minutes", f"{max(0.1, (left - START_UP) / 1.1 / 60):.2f}"]
    command = [check.program("camber"), "train", *check.sizes.train, "--data", str(check.data), "--device",
               check.device, "--out", str(folder), "--pictures", "1", *minutes]
    check.results.gather |= {f"run/{name}": folder / name for name in ("config.json", "metrics.jsonl")}
    begun = time.time()

    def read_run(output):
        planned = convolutions.planning_seconds(convolutions.read(check.choices), since=begun)
        return read(folder, output) | {"planning_seconds": planned}

    check.run([Part("training", command, left / check.scale, read_run, quiet=True)], deadline)


def read(folder, output):
    """Of a run's metrics.jsonl, as far as it goes: {epochs, seconds, mean_iou, pixel_accuracy, best_epoch,
    seconds_to_wanted, seconds_in: {steps, validation, checkpoints}}, and its last messages."""
    file = folder / "metrics.jsonl"
    epochs = []
    for line in file.read_text().splitlines() if file.is_file() else []:
        try:
            epochs.append(json.loads(line))
        except ValueError:
            break  # being written
    figures = {"epochs": len(epochs), "messages": output.strip().splitlines()[-3:]}
    if not epochs:
        return figures
    elapsed, parts = ([epoch[name] for epoch in epochs] for name in ("elapsed", "seconds_in"))
    figures |= {"seconds": elapsed[-1], "images_per_second": epochs[-1].get("images_per_second"),
                "seconds_in": {name: sum(part[name] for part in parts) for name in parts[0]}}
    judged = [(epoch["val"], epoch["epoch"] + 1, at) for epoch, at in zip(epochs, elapsed) if "val" in epoch]
    if judged:
        best, epoch, _ = max(judged, key=lambda j: j[0]["mean_iou"])
        reached = [at for val, _, at in judged if val["mean_iou"] >= WANTED]
        figures |= {"mean_iou": best["mean_iou"], "pixel_accuracy": best["pixel_accuracy"], "best_epoch": epoch,
                    "seconds_to_wanted": reached[0] if reached else None}
    return figures
