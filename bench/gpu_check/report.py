"""Prints the table of bench/gpu_check from what it left in the folder given."""
import json
import pathlib
import sys


def unet_operations(batch, size, width=64, classes=11):
    """Multiplications and additions of a training step's convolutions: forward, and twice as many backward."""
    filters = [width << i for i in range(5)]
    total = 0
    for level, (cin, cout) in enumerate(zip([3] + filters[:4], filters)):
        pixels = (size >> level) ** 2
        total += pixels * 9 * (cin * cout + cout * cout)
        if level < 4:  # decoder: transposed convolution from below, then two convolutions
            total += pixels * (filters[level + 1] * cout + 9 * (2 * cout * cout + cout * cout))
    total += size * size * width * classes
    return 3 * 2 * batch * total


def main():
    out = pathlib.Path(sys.argv[1])
    rows = [json.loads(line) for line in (out / "step.jsonl").read_text().splitlines() if line.startswith("{")]
    for batch in sorted({r["batch"] for r in rows}):
        ours = [r for r in rows if r["system"] == "camber" and r["batch"] == batch]
        peers = [r for r in rows if r["system"] == "pytorch" and r["batch"] == batch]
        print(f"\n31 M U-Net, 256x256, batch {batch}, bf16: one training step")
        print(f"  {'':40} {'ms':>8} {'images/s':>9} {'peak MiB':>9}")
        for r in ours + peers:
            name = "camber" if r["system"] == "camber" else f"pytorch {r['version']} ({r['variant']})"
            print(f"  {name:40} {1e3 * r['seconds']:8.2f} {r['images_per_second']:9.1f} {r['peak_tensors_mib']:9.0f}")
        if ours and peers:
            best = min(peers, key=lambda r: r["seconds"])
            rate = unet_operations(batch, 256) / ours[0]["seconds"]
            print(f"  speed over PyTorch's best     {best['seconds'] / ours[0]['seconds']:.2f} (wanted: 1.3, aim: 1.5)")
            print(f"  peak memory over that one's   {ours[0]['peak_tensors_mib'] / best['peak_tensors_mib']:.2f} (wanted: at most 1)")
            print(f"  share of the matrix rate      {rate / best['bf16_matrix_flops']:.0%} of {best['bf16_matrix_flops'] / 1e12:.0f} TFLOP/s (aim: 60%)")
            print(f"  allocations after warm-up     {ours[0]['allocations_after_warm_up']} (wanted: 0)")
            print("  milliseconds by primitive     " + ", ".join(
                f"{name} {p['milliseconds']:.2f}"
                for name, p in sorted(ours[0]["primitives"].items(), key=lambda kv: -kv[1]["milliseconds"])))
    metrics = out / "run" / "metrics.jsonl"
    if metrics.exists():
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        best = max(lines, key=lambda line: line["val"]["mean_iou"])
        seconds = sum(line["seconds"] for line in lines)
        print(f"\nCamVid, 360x480, {len(lines)} epochs in {seconds:.0f} s: mean IoU {best['val']['mean_iou']:.4f}, "
              f"pixel accuracy {best['val']['pixel_accuracy']:.4f} (epoch {best['epoch'] + 1}; wanted: 0.72 within 8 minutes)")


if __name__ == "__main__":
    main()
