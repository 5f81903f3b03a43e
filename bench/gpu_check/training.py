"""What a training run has left of itself."""
import json

WANTED = 0.7  # validation mean IoU


def read(folder, output):
    """Of metrics.jsonl, as far as it goes: {epochs, seconds, mean_iou, pixel_accuracy, best_epoch, seconds_to_wanted,
    seconds_in: {steps, validation, checkpoints}}, and the run's own messages."""
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
    elapsed, so_far = [], 0.0
    for epoch in epochs:
        so_far = epoch.get("elapsed", so_far + epoch["seconds"])
        elapsed.append(so_far)
    figures["seconds"] = elapsed[-1]
    parts = [epoch.get("seconds_in", {}) for epoch in epochs]
    figures["seconds_in"] = {name: sum(p.get(name, 0) for p in parts) for name in sorted({n for p in parts for n in p})}
    judged = [(epoch["val"]["mean_iou"], epoch["val"]["pixel_accuracy"], epoch["epoch"] + 1) for epoch in epochs if "val" in epoch]
    if judged:
        figures["mean_iou"], figures["pixel_accuracy"], figures["best_epoch"] = max(judged)
        reached = [at for epoch, at in zip(epochs, elapsed) if epoch.get("val", {}).get("mean_iou", 0) >= WANTED]
        figures["seconds_to_wanted"] = reached[0] if reached else None
    figures["images_per_second"] = epochs[-1].get("images_per_second")
    return figures
