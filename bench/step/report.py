"""Prints the table of `make bench` from the JSON lines that bench/step/run.sh gathered."""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
for dtype, wanted in (("f32", 1.15), ("bf16", 1.5)):
    ours = min((r for r in rows if r["system"] == "camber" and r["dtype"] == dtype), key=lambda r: r["seconds"])
    peers = [r for r in rows if r["system"] == "pytorch" and r["dtype"] == dtype]
    print(f"\n31 M U-Net, 256x256, batch 4, {dtype}, {ours['threads']} threads: one training step, best of all rounds")
    print(f"  {'':42} {'s/step':>8} {'images/s':>9} {'peak MiB':>9}")
    print(f"  {'camber':42} {ours['seconds']:8.3f} {ours['images_per_second']:9.2f} {ours['peak_rss_mib']:9.0f}")
    for variant in sorted({r["variant"] for r in peers}):
        best = min((r for r in peers if r["variant"] == variant), key=lambda r: r["seconds"])
        name = f"pytorch {best['version']} ({variant})"
        print(f"  {name:42} {best['seconds']:8.3f} {best['images_per_second']:9.2f} {best['peak_rss_mib']:9.0f}")
    if peers:
        best = min(peers, key=lambda r: r["seconds"])
        print(f"  speed over PyTorch's best    {best['seconds'] / ours['seconds']:.2f} (aim: at least {wanted})")
        print(f"  peak memory over that one's  {ours['peak_rss_mib'] / best['peak_rss_mib']:.2f} (aim: at most 1)")
    print(f"  step over own convolutions   {ours['over_convolutions']:.2f} (aim: at most 1.25; "
          f"{ours['convolution_seconds']:.3f} s in convolutions)")
    print(f"  allocations after warm-up    {ours['allocations_after_warm_up']} (aim: 0)")
    print("  milliseconds by primitive    " + ", ".join(
        f"{name} {p['milliseconds']:.0f}"
        for name, p in sorted(ours["primitives"].items(), key=lambda kv: -kv[1]["milliseconds"])))
