"""Prints the table of bench/inference/run.sh from the JSON lines that it gathered: the best of all rounds."""
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
nets = list(dict.fromkeys(row["net"] for row in rows))
RIVALS = {"f32": ("onnxruntime", "openvino"), "bf16": ("pytorch", "openvino")}


def label(row):
    return " ".join(part for part in (row["system"], row.get("version"), row.get("variant")) if part)


def best(of):
    """The fastest row of each system and variant; the least peak memory of all rounds."""
    result = {}
    for row in of:
        known = result.setdefault(label(row), dict(row))
        known["seconds"] = min(known["seconds"], row["seconds"])
        known["peak_rss_mib"] = min(known["peak_rss_mib"], row["peak_rss_mib"])
    return result


for dtype, rivals in RIVALS.items():
    shown = [row for row in rows if row["dtype"] == dtype]
    if not shown:
        continue
    print(f"\n{shown[0]['size']}, batch {shown[0]['batch']}, {dtype}, {shown[0]['threads']} threads: "
          "milliseconds, the best of all rounds; MiB at the peak of the process")
    for net in nets:
        of = best(row for row in shown if row["net"] == net)
        ours = next((row for row in of.values() if row["system"] == "camber"), None)
        if not ours:
            continue
        print(f"  {net}")
        for name, row in of.items():
            times = "" if row is ours else f"{row['seconds'] / ours['seconds']:8.2f} times as long"
            print(f"    {name:36}{1e3 * row['seconds']:9.1f} ms{row['peak_rss_mib']:7.0f} MiB{times}")
        peers = [row for row in of.values() if row["system"] in rivals]
        if peers:
            fastest = min(peers, key=lambda row: row["seconds"])
            least = min(peers, key=lambda row: row["peak_rss_mib"])
            print(f"    speed over the better of {' and '.join(rivals)}: {fastest['seconds'] / ours['seconds']:.2f}; "
                  f"memory over the least: {ours['peak_rss_mib'] / least['peak_rss_mib']:.2f}")
