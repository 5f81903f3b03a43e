"""The tables of a run, from its results alone: `report.py results.json` prints them again."""
import json
import sys

import device_tests

BRIEF_KERNELS, BRIEF_CALLS = 10, 14


def unet_operations(batch, size, width, classes=11):
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


class Data:
    """results.json, looked at."""

    def __init__(self, data):
        self.about, self.run, self.missing = data["about"], data["parts"], data.get("missing", [])
        self.before = data.get("before")
        self.same_device = self.before and self.before["about"]["device"] == self.about["device"] and (
            self.device(self.before["parts"]) == self.device(self.run))
        self.parts = (self.before["parts"] if self.same_device else {}) | self.run

    def device(self, parts):
        return (parts.get("found/info", {}).get("figures") or {}).get(self.about["device"])

    def figures(self, name):
        return self.parts.get(name, {}).get("figures") or {}

    def outcome(self, name):
        return self.parts.get(name, {}).get("outcome", "not reached")

    def torch_steps(self, dtype):
        """Every variant of PyTorch's step in the dtype that has a time, the fastest first."""
        rows = [row for name, part in self.parts.items() if name.startswith("pytorch/")
                for row in (part.get("figures") or {}).values()
                if isinstance(row, dict) and row.get("dtype") == dtype and "median_seconds" in row]
        return sorted(rows, key=lambda row: row["median_seconds"])

    def losses(self):
        """{dtype: (largest relative distance from the CPU's losses, first loss, last loss)}."""
        expected = self.figures("trains/cpu").get("losses") or []
        found = {}
        for dtype in ("f32", "bf16"):
            losses = self.figures(f"trains/{dtype}").get("losses") or []
            if expected and len(losses) == len(expected):
                # Not max(): a comparison with NaN must not hide it.
                distances = [abs(a / e - 1) if a is not None else float("nan") for a, e in zip(losses, expected)]
                worst = float("nan") if any(d != d for d in distances) else max(distances)
                found[dtype] = (worst, losses[0], losses[-1])
        return found


def number(value, form, otherwise="-"):
    return format(value, form) if isinstance(value, (int, float)) else otherwise


# ---- sections: a list of lines each, empty where there is nothing

def about(d, brief):
    device = d.device(d.run)
    lines = [f"gpu_check, {d.about.get('commit') or 'no commit known'}, {d.about['begun']}, device {d.about['device']}, {d.about['cores']} cores"]
    lines += [f"  {device}"] if device else []
    torch = d.figures("found/pytorch")
    lines += [f"  PyTorch {torch['version']}"] if "version" in torch else []
    if d.before:
        lines.append(f"  what was not run is shown as measured by the run of {d.before['about']['begun']}, {d.before['about'].get('commit')}"
                     if d.same_device else f"  the run of {d.before['about']['begun']} was on another device: not shown")
    rates = d.figures("rates")
    if rates:
        lines.append("  copy " + number(rates.get("copy", 0) / 1e9, ".0f") + " GB/s read and written; cuBLASLt " + (", ".join(
            f"{name} {rates[name] / 1e12:.1f}" for name in ("bf16", "tf32", "f32") if name in rates) + " TFLOP/s"
            if "bf16" in rates else f"absent: {rates.get('why_no_matrix', 'not measured')}"))
    return lines + [f"  missing: {line}" for line in d.missing]


def troubles(d, brief):
    lines = []
    for name, part in d.run.items():
        if part["outcome"] not in ("done", "running"):
            lines.append(f"  {part['outcome']}: {name}" + (f": {part['why'][:200]}" if part.get("why") else ""))
    more = len(lines) - 20
    if brief and more > 0:
        lines = lines[:20] + [f"  and {more} more in table.txt"]
    return ["", "parts that are not done"] + lines if lines else []


def tests(d, brief):
    lines = []
    result = device_tests.summary(d.parts)
    if result:
        failed = result["failed"]
        lines += ["", f"tests on the device: {result['passed']} of {result['listed']} cases passed, {len(failed)} failed"]
        shown = list(failed.items())[:12 if brief else None]
        lines += [f"  {name}: {message[:300 if brief else None]}" for name, message in shown]
        if len(shown) < len(failed):
            lines.append(f"  and {len(failed) - len(shown)} more in table.txt")
    for library in ("cudnn", "cublas"):
        figures = d.figures(f"library/{library}")
        if figures:
            lines.append(f"  convolutions through {library}: {len(figures['passed'])} passed, {len(figures['failed'])} failed")
            lines += [f"    {name}: {message[:300]}" for name, message in figures["failed"].items()]
    for name in d.parts:
        if name.startswith("sanitizer/"):
            figures = d.figures(name)
            lines.append(f"  {name.split('/')[1]}: {d.outcome(name)}, {figures.get('summary') or 'no summary'}")
            lines += [f"    {finding[:160]}" for finding in figures.get("findings", [])[:4]]
    for dtype, (worst, first, last) in d.losses().items():
        recorded = "recorded" if d.figures(f"trains/{dtype}").get("recorded") else "not recorded"
        lines.append(f"  losses of a small network, {dtype}, {recorded}: {first:.4f} to {last:.4f}; from the CPU's in f32 at most {worst:.1e}")
    return lines


def kernels(d, brief):
    rows = d.figures("kernels/own").get("rows", []) + [r | {"primitive": r["primitive"] + " (fastest)"}
                                                       for r in d.figures("kernels/convolutions").get("rows", [])]
    if not rows:
        return []
    title = "primitives at the network's largest level"
    if brief:
        rows = sorted((r for r in rows if not r["operations"]), key=lambda r: r["share_of_copy_bandwidth"])[:BRIEF_KERNELS]
        title += ", the farthest from the copy (all: table.txt)"
    lines = ["", f"{title}\n  {'':44} {'':5} {'ms':>9} {'of copy':>8} {'TFLOP/s':>8}"]
    for r in rows:
        rate = f"{r['operations'] / r['milliseconds'] / 1e9:8.1f}" if r["operations"] else ""
        lines.append(f"  {r['primitive']:44} {r['dtype']:5} {r['milliseconds']:9.4f} {r['share_of_copy_bandwidth']:8.0%} {rate}")
    return lines


def calls(d, brief):
    figures = d.figures("convolutions")
    rows, rate = figures.get("calls", []), d.figures("rates").get("bf16")
    if not rows:
        return []
    known = sum(r["milliseconds"] or 0 for r in rows)
    lines = ["", f"convolution calls of the step, bf16: {len(rows)} shapes, {known:.2f} ms in all once each; planned in "
             f"{number(figures.get('planning_seconds'), '.1f')} s",
             f"  {'call':58} {'ms':>7} {'TFLOP/s':>7} {'of rate':>7} {'own ms':>7} {'plain':>7} {'fused':>7} {'error':>8} {'plan s':>6}  plan"]
    for r in rows[:BRIEF_CALLS if brief else None]:
        call = f"{r['kind']} {'x'.join(map(str, r['image']))} by {'x'.join(map(str, r['filter']))}{' +bias' if r['bias'] else ''}"
        flops = r["operations_per_second"]
        lines.append(f"  {call:58} {number(r['milliseconds'], '7.3f')} {number(flops and flops / 1e12, '7.1f'):>7} "
                     f"{number(flops and rate and flops / rate, '7.0%'):>7} {number(r['own_milliseconds'], '7.3f'):>7} "
                     f"{number(r['best_plain_milliseconds'], '7.3f'):>7} {number(r['best_fused_milliseconds'], '7.3f'):>7} "
                     f"{number(r['error'], '8.1e'):>8} {number(r['planning_seconds'], '6.2f'):>6}  {r['library']} {(r['plan'] or '')[:60 if brief else None]}"
                     + (f" ({r['differing']} differed)" if r["differing"] else ""))
    if brief and len(rows) > BRIEF_CALLS:
        lines.append(f"  and {len(rows) - BRIEF_CALLS} more in table.txt")
    return lines


def torch_kernels(d, brief):
    with_kernels = [row for row in d.torch_steps("bf16") if row.get("longest_kernels")]
    if not with_kernels:
        return []
    row = with_kernels[0]
    lines = ["", f"PyTorch's longest kernels ({row['variant']}; {row['kernels']} kernels, {row['kernel_milliseconds']:.2f} ms in all)"]
    for kernel in row["longest_kernels"][:8 if brief else None]:
        lines.append(f"  {kernel['milliseconds']:8.3f} ms in {kernel['calls']:3}  {kernel['name'][:100]}")
    return lines


def steps(d, brief):
    ours = [(name, d.figures(name)) for name in d.parts if name.startswith("step/") and "median_seconds" in d.figures(name)]
    if not ours:
        return []
    first = ours[0][1]
    lines = ["", f"training step of the U-Net of width {first['width']}, {first['size']}x{first['size']}, batch {first['batch']}; host's clock, the device waited for after each step",
             f"  {'':46} {'median':>8} {'p90 ms':>8} {'images/s':>9} {'peak MiB':>9} {'reserved':>9}"]

    def row(name, figures):
        median = figures["median_seconds"]
        lines.append(f"  {name:46} {1e3 * median:8.2f} {1e3 * figures['p90_seconds']:8.2f} {figures['batch'] / median:9.1f} "
                     f"{number(figures.get('peak_tensors_mib'), '9.0f'):>9} {number(figures.get('reserved_mib'), '9.0f'):>9}")

    for name, figures in ours:
        row(f"camber {name.split('/')[1]}, {'recorded' if figures.get('recorded') else 'an operation at a time'}", figures)
        if figures.get("why_not_recorded"):
            lines.append(f"    not recorded: {figures['why_not_recorded']}")
        if figures.get("recorded"):
            median = figures["unrecorded_median_seconds"]
            lines.append(f"  {'  the same, an operation at a time':46} {1e3 * median:8.2f}; replay equals it bit for bit: "
                         f"{'yes' if figures['replay_equals_unrecorded'] else 'NO'}; first step {figures['first_step_seconds']:.1f} s")
    for dtype in ("bf16", "tf32", "f32"):
        for figures in d.torch_steps(dtype):
            row(f"pytorch {figures['version']} {dtype}, {figures['variant']}", figures)
    bf16 = d.figures("step/bf16")
    if "primitives" in bf16:
        times = sorted(bf16["primitives"].items(), key=lambda kv: -kv[1]["milliseconds"])
        lines.append("  bf16, ms by primitive (calls): " + ", ".join(f"{name} {p['milliseconds']:.2f} ({p['calls']})" for name, p in times))
    return lines


def trained(d, brief):
    figures = d.figures("training")
    if not figures.get("epochs"):
        return []
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in figures["seconds_in"].items()) or "not known apart"
    lines = ["", f"training on CamVid: {figures['epochs']} epochs in {figures['seconds']:.0f} s (s in {seconds}; planning "
             f"{number(figures.get('planning_seconds'), '.1f')}), {number(figures.get('images_per_second'), '.0f')} images/s"]
    if "mean_iou" in figures:
        lines.append(f"  best validation mean IoU {figures['mean_iou']:.4f}, pixel accuracy {figures['pixel_accuracy']:.4f} (epoch {figures['best_epoch']})")
    return lines


# ---- wanted and measured: of each target what was measured and whether that reaches it (None: it is no matter of yes or
# no); None where nothing was measured

def all_tests(d):
    result = device_tests.summary(d.parts)
    if result and result["passed"] + len(result["failed"]) > 0:
        return f"{result['passed']} of {result['listed']}, {len(result['failed'])} failed", result["passed"] == result["listed"]


def sanitizer(d):
    found = {}
    for name, part in d.parts.items():
        if name.startswith("sanitizer/"):
            clean = not (part.get("figures") or {}).get("findings")
            found[name.split("/")[1]] = ("clean" if part["outcome"] == "done" else f"no finding, {part['why']}" if part["outcome"] == "ended" and clean
                                         else "FINDINGS" if not clean else part["outcome"])
    if found:
        # Ended at its budget without a finding is neither.
        reached = True if set(found.values()) == {"clean"} else False if any(v in ("FINDINGS", "failed") for v in found.values()) else None
        return ", ".join(f"{tool} {text}" for tool, text in found.items()), reached


def losses(d):
    limits, found = {"f32": 1e-3, "bf16": 5e-2}, d.losses()
    if found:
        return (", ".join(f"{dtype} {worst:.1e}" for dtype, (worst, *_) in found.items()),
                found.keys() == limits.keys() and all(worst <= limits[dtype] for dtype, (worst, *_) in found.items()))


def memory_bound(d):
    rows = [r for r in d.figures("kernels/own").get("rows", []) if not r["operations"]]
    if rows:
        enough = sum(1 for r in rows if r["share_of_copy_bandwidth"] >= 0.9)
        return f"{enough} of {len(rows)}", enough == len(rows)


def planning(d):
    seconds = d.figures("convolutions").get("planning_seconds")
    if seconds is not None:
        return f"{seconds:.1f} s", seconds <= 15


def replay(d):
    equal = d.figures("step/bf16").get("replay_equals_unrecorded")
    if equal is not None:
        return "yes" if equal else "no", equal


def overhead(d):
    bf16 = d.figures("step/bf16")
    if "primitive_seconds" in bf16 and bf16.get("recorded"):
        left = 1e3 * (bf16["median_seconds"] - bf16["primitive_seconds"])
        return f"{left:+.2f} ms", left <= 0.3


def share_of_rate(d):
    bf16, rate = d.figures("step/bf16"), d.figures("rates").get("bf16")
    if "median_seconds" in bf16 and rate:
        share = unet_operations(bf16["batch"], bf16["size"], bf16["width"]) / bf16["median_seconds"] / rate
        return f"{share:.0%}", share >= 0.6


def beside_torch(d, dtype, factor=None):
    ours, peers = d.figures(f"step/{dtype}"), d.torch_steps(dtype)
    if "median_seconds" not in ours:
        return None
    if not peers:
        return f"{1e3 * ours['median_seconds']:.2f} ms, PyTorch's not measured", None
    ratio = peers[0]["median_seconds"] / ours["median_seconds"]
    return (f"{ratio:.2f} times ({1e3 * ours['median_seconds']:.2f} ms; {1e3 * peers[0]['median_seconds']:.2f} ms, {peers[0]['mode']})",
            None if factor is None else ratio >= factor)


def memory_beside_torch(d):
    ours, peers = d.figures("step/bf16"), [p for p in d.torch_steps("bf16") if "peak_tensors_mib" in p]
    if "peak_tensors_mib" in ours and peers:
        ratio = ours["peak_tensors_mib"] / peers[0]["peak_tensors_mib"]
        return f"{ratio:.2f} of it", ratio <= 1


def mark(d):
    run = d.figures("training")
    if "mean_iou" in run:
        at = run.get("seconds_to_wanted")
        return f"after {at:.0f} s" if at else f"best {run['mean_iou']:.1%} in {run['seconds']:.0f} s", bool(at and at <= 180)


TARGETS = [
    ("every test passes on the device", all_tests),
    ("compute-sanitizer finds nothing", sanitizer),
    ("losses are the CPU's: f32 within 1e-3, bf16 within 5e-2", losses),
    ("memory-bound primitives at 90% of the copy", memory_bound),
    ("the step's convolutions planned within 15 s", planning),
    ("a replay gives the bits of an unrecorded step", replay),
    ("graph time less its primitives': at most 0.3 ms", overhead),
    ("bf16 step at 60% of the matrix rate", share_of_rate),
    ("f32 step beside PyTorch's best in f32", lambda d: beside_torch(d, "f32")),
    ("tf32 step beside PyTorch's best in tf32", lambda d: beside_torch(d, "tf32")),
    ("bf16 step in no more memory than PyTorch's best", memory_beside_torch),
    ("bf16 step beside PyTorch's best: 1.3 times as fast", lambda d: beside_torch(d, "bf16", 1.3)),
    ("70% validation mean IoU within 180 s of training", mark),
]


def guarded(function, *arguments):
    """A figure that is not as expected must not cost the others."""
    try:
        return function(*arguments)
    except Exception as error:
        return f"{getattr(function, '__name__', 'a table')} cannot be shown: {type(error).__name__}: {error}"


def target_lines(d):
    lines = ["", f"{'wanted':56} measured"]
    for wanted, function in TARGETS:
        found = guarded(function, d) or ("not measured", None)
        measured, reached = (found, None) if isinstance(found, str) else found
        note = "" if reached is None else "  (reached)" if reached else "  (NOT reached)"
        lines.append(f"{wanted:56} {measured}{note}")
    return lines


def text(data, brief=False):
    """All tables, the most important last; brief: less than 12,000 characters."""
    d = Data(data)
    lines = []
    for section in (about, kernels, torch_kernels, calls, troubles, steps, tests, trained):
        found = guarded(section, d, brief)
        lines += ["", found] if isinstance(found, str) else found
    result = "\n".join(lines + target_lines(d)) + "\n"
    return result if not brief else result[-11_000:]


if __name__ == "__main__":
    print(text(json.load(open(sys.argv[1]))))
