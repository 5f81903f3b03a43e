"""Draws docs/step_times.svg, the README's chart, from the figures in bench/results.

    tools/chart.py [--check]     --check: fails when the chart is not what the figures give
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
chart = root / "docs" / "step_times.svg"
gpu = root / "bench" / "results" / "2026-11-26-h100-gpu_check.txt"
cpu = root / "bench" / "results" / "2026-11-21-cpu-zen4-step.txt"


def figure(text, pattern):
    """The number that follows the pattern at a line's beginning."""
    return float(re.search(rf"^ *{pattern} +([0-9.]+)", text, re.M).group(1))


def groups():
    """(title, unit, [(name, value)])"""
    text = gpu.read_text()
    pytorch = re.search(r"pytorch ([0-9.]+)", text).group(1)
    yield "NVIDIA H100, bf16, batch 16", "ms", [
        ("Camber", figure(text, "camber bf16, recorded")),
        (f"PyTorch {pytorch}, compiled", figure(text, r"pytorch \S+ bf16, compile-graph, channels_last")),
        (f"PyTorch {pytorch}", figure(text, r"pytorch \S+ bf16, graph, channels_last"))]
    yield "NVIDIA H100, TF32, batch 16", "ms", [
        ("Camber", figure(text, "camber tf32, recorded")),
        (f"PyTorch {pytorch}", figure(text, r"pytorch \S+ tf32, graph, channels_last"))]
    text = cpu.read_text()
    pytorch = re.search(r"pytorch ([0-9.]+)", text).group(1)
    for dtype in "bf16", "f32":
        part = text[text.index(f"batch 4, {dtype}"):]
        yield f"two cores of an AMD EPYC (Zen 4), {dtype}, batch 4", "s", [
            ("Camber", figure(part, "camber")),
            (f"PyTorch {pytorch}, compiled", figure(part, r"pytorch \S+ \(compile, channels_last\)")),
            (f"PyTorch {pytorch}", figure(part, r"pytorch \S+ \(eager, channels_last\)"))]


def svg():
    left, width, bar, y = 190, 400, 16, 46
    lines = []
    for title, unit, bars in groups():
        y += 16
        lines.append(f'<text x="20" y="{y}" class="group">{title}</text>')
        y += 8
        longest = max(value for _, value in bars)
        for name, value in bars:
            extent = round(width * value / longest, 1)
            kind = "camber" if name == "Camber" else "other"
            lines += [f'<text x="{left - 8}" y="{y + 12}" class="name">{name}</text>',
                      f'<rect x="{left}" y="{y}" width="{extent}" height="{bar}" class="{kind}"/>',
                      f'<text x="{left + extent + 6}" y="{y + 12}">{value:.2f} {unit}</text>']
            y += bar + 4
        y += 10
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y}" viewBox="0 0 680 {y}">',
        "<!-- written by tools/chart.py -->",
        "<style>text { font: 12px sans-serif; fill: #333 } .title { font-weight: bold; font-size: 15px }",
        ".group { font-weight: bold } .name { text-anchor: end } .camber { fill: #2a6f97 } .other { fill: #b8c4cc }",
        "</style>",
        f'<rect width="680" height="{y}" rx="6" fill="#fff"/>',
        '<text x="20" y="30" class="title">One training step of the 31 M U-Net, 256x256 (shorter is better)</text>',
        *lines, "</svg>", ""])


if sys.argv[1:] == ["--check"]:
    if chart.read_text() != svg():
        sys.exit(f"{chart.relative_to(root)} is not what bench/results gives; run tools/chart.py")
else:
    chart.write_text(svg())
