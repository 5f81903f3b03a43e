"""Prints the table of bench/step/run.sh from the JSON lines that it gathered: the best of all rounds.

floor: the convolutions' multiplications (of Winograd's tiles where those are fewer, in f32) at the most that the
processor was measured to do a second, twice as many of bf16 in the others; nothing else.
"""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]


def label(row):
    options = "".join(f", {name} {value}" for name, value in row["options"].items())
    return f"{row['net']}{options}, {row['size']}x{row['size']}"


def best(of):
    return min(of, key=lambda row: row["seconds"], default=None)


def floor(row, peak):
    work = row["multiplications"]
    return (work["winograd"] + work["direct"] / (2 if row["dtype"] == "bf16" else 1)) / peak


first = next(row for row in rows if row["system"] == "camber")
version = next((row["version"] for row in rows if row["system"] == "pytorch"), "")
peak = max(row["multiplications_per_second"] for row in rows if row["system"] == "camber")
print(f"One training step, batch {first['batch']}, {first['threads']} threads, beside PyTorch {version} "
      f"(channels_last); {peak / 1e9:.0f} G multiplications of f32 a second at most")
for dtype in dict.fromkeys(row["dtype"] for row in rows):
    print(f"\n{dtype:32} {'floor':>8} {'Camber':>8} {'eager':>8} {'compiled':>8} {'times':>6}   MiB, of PyTorch's")
    for net in dict.fromkeys(label(row) for row in rows):
        of = [row for row in rows if row["dtype"] == dtype and label(row) == net]
        ours = best(row for row in of if row["system"] == "camber")
        if not ours:
            continue
        peers = [best(row for row in of if row["system"] == "pytorch" and row["mode"] == mode)
                 for mode in ("eager", "compile")]
        line = f"{net:32} {floor(ours, peak):8.3f} {ours['seconds']:8.3f}"
        line += "".join(f" {peer['seconds']:8.3f}" if peer else f" {'-':>8}" for peer in peers)
        if fastest := best(peer for peer in peers if peer):
            least = min(peer["peak_rss_mib"] for peer in peers if peer)
            line += f" {fastest['seconds'] / ours['seconds']:6.2f} {ours['peak_rss_mib']:5.0f}, "
            line += f"{ours['peak_rss_mib'] / least:.2f}"
        print(line)
