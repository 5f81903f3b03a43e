"""The tables of a run, from its results alone: `report.py results.json` prints them again."""
import json
import sys

import device_tests
from data import Data
from targets import TARGETS

BRIEF_TROUBLES, BRIEF_FAILURES, BRIEF_KERNELS, BRIEF_CALLS, BRIEF_TORCH_KERNELS = 20, 12, 10, 14, 8
MOST_BRIEF = 11_000  # characters


def number(value, form):
    """In so many columns; a dash where there is none."""
    if isinstance(value, (int, float)):
        return format(value, form)
    return format("-", ">" + form.split(".")[0].rstrip("f%e"))


def tera(value):
    return value / 1e12 if isinstance(value, (int, float)) else None


def shortened(lines, most):
    if most is None or len(lines) <= most:
        return lines
    return lines[:most] + [f"  and {len(lines) - most} more in table.txt"]


# ---- sections: a list of lines each, empty where there is nothing

def about(d, brief):
    a = d.about
    commit = a.get("commit") or "no commit known"
    lines = [f"gpu_check, {commit}, {a['begun']}, device {a['device']}, {a['cores']} cores"]
    if d.device():
        lines.append(f"  {d.device()}")
    lines += [f"  {line}" for line in d.figures("found/info").get("libraries", [])]
    if "version" in d.figures("found/pytorch"):
        lines.append(f"  PyTorch {d.figures('found/pytorch')['version']}")
    rates = d.figures("rates")
    if "copy" in rates:
        lines.append(f"  a copy: {rates['copy'] / 1e9:.0f} GB/s read and written")
    products = [f"{name} {rates[name] / 1e12:.1f}" for name in ("bf16", "tf32", "f32") if name in rates]
    if products:
        lines.append(f"  cuBLASLt's matrix product: {', '.join(products)} TFLOP/s")
    elif "why_no_matrix" in rates:
        lines.append(f"  cuBLASLt's matrix product: absent: {rates['why_no_matrix']}")
    if d.before:
        of = f"the run of {d.before['about']['begun']}, {d.before['about'].get('commit')}"
        lines.append(f"  what was not run is shown as measured by {of}" if d.same_device
                     else f"  {of}, was on another device and is not shown")
    return lines + [f"  missing: {line}" for line in d.missing]


def kernels(d, brief):
    fastest = d.figures("kernels/convolutions").get("rows", [])
    rows = d.figures("kernels/own").get("rows", []) + [
        row | {"primitive": row["primitive"] + " (fastest)"} for row in fastest]
    if not rows:
        return []
    title = "primitives at the network's largest level"
    if brief:
        rows = sorted((r for r in rows if not r["operations"]), key=lambda r: r["share_of_copy_bandwidth"])
        rows, title = rows[:BRIEF_KERNELS], title + ", the farthest from the copy (all: table.txt)"
    lines = ["", title, f"  {'':80} {'':5} {'ms':>9} {'of copy':>8} {'TFLOP/s':>8}"]
    for r in rows:
        flops = f"{r['operations'] / r['milliseconds'] / 1e9:8.1f}" if r["operations"] else ""
        lines.append(f"  {r['primitive']:80} {r['dtype']:5} {r['milliseconds']:9.4f} "
                     f"{r['share_of_copy_bandwidth']:8.0%} {flops}".rstrip())
    return lines


def torch_kernels(d, brief):
    with_kernels = [row for row in d.torch_steps("bf16") if row.get("longest_kernels")]
    if not with_kernels:
        return []
    row = with_kernels[0]
    lines = [f"  {k['milliseconds']:8.3f} ms in {k['calls']:3}  {k['name'][:100]}" for k in row["longest_kernels"]]
    total = f"{row['kernels']} kernels, {row['kernel_milliseconds']:.2f} ms in all"
    title = f"PyTorch's longest kernels ({row['variant']}; {total})"
    return ["", title] + shortened(lines, BRIEF_TORCH_KERNELS if brief else None)


def calls(d, brief):
    figures, rate = d.figures("convolutions"), d.figures("rates").get("bf16")
    rows = figures.get("calls", [])
    if not rows:
        return []
    lines = []
    for r in rows:
        flops = r["operations_per_second"]
        image, filters = ("x".join(map(str, r[name])) for name in ("image", "filter"))
        call = f"{r['kind']} {image} by {filters}" + " +bias" * r["bias"]
        columns = [number(r["milliseconds"], "7.3f"), number(tera(flops), "7.1f"),
                   number(flops / rate if flops and rate else None, "7.0%"), number(r["own_milliseconds"], "7.3f"),
                   number(r["best_plain_milliseconds"], "7.3f"), number(r["best_fused_milliseconds"], "7.3f"),
                   number(r["error"], "8.1e"), number(r["planning_seconds"], "6.2f")]
        plan = f"{r['library']} {r['plan'] or ''}"[:60 if brief else None]
        differed = f" ({r['differing']} differed)" if r["differing"] else ""
        lines.append(f"  {call:60} {' '.join(columns)}  {plan}{differed}")
    head = f"  {'':60} {'ms':>7} {'TFLOP/s':>7} {'of rate':>7} {'own ms':>7} {'plain':>7} {'fused':>7} " \
           f"{'error':>8} {'plan s':>6}"
    total = sum(r["milliseconds"] or 0 for r in rows)
    return ["", f"convolution calls of the step, bf16: {len(rows)} shapes, {total:.2f} ms once each",
            head] + shortened(lines, BRIEF_CALLS if brief else None)


def troubles(d, brief):
    lines = [f"  {part['outcome']}: {name}" + (f": {part['why'][:200]}" if part.get("why") else "")
             for name, part in d.run.items() if part["outcome"] not in ("done", "running")]
    return ["", "parts that are not done"] + shortened(lines, BRIEF_TROUBLES if brief else None) if lines else []


def steps(d, brief):
    ours = d.steps()
    if not ours:
        return []
    first = next(iter(ours.values()))
    size = f"{first['size']}x{first['size']}, batch {first['batch']}"
    lines = ["", f"training step, {size}, of the plain U-Net where none is named (host's clock, the device waited for "
             "after each)",
             f"  {'':48} {'median':>8} {'p90 ms':>8} {'images/s':>9} {'peak MiB':>9} {'reserved':>9}"]

    def row(name, figures):
        seconds = figures["median_seconds"]
        lines.append(f"  {name:48} {1e3 * seconds:8.2f} {1e3 * figures['p90_seconds']:8.2f} "
                     f"{figures['batch'] / seconds:9.1f} {number(figures.get('peak_tensors_mib'), '9.0f')} "
                     f"{number(figures.get('reserved_mib'), '9.0f')}")

    for name, figures in ours.items():
        row(f"camber {name}, {'recorded' if figures.get('recorded') else 'an operation at a time'}", figures)
        if figures.get("recorded"):
            equal = "yes" if figures["replay_equals_unrecorded"] else "NO"
            lines.append(f"  {'  an operation at a time':48} {1e3 * figures['unrecorded_median_seconds']:8.2f}; "
                         f"a replay gives the same bits: {equal}; first step {figures['first_step_seconds']:.1f} s")
        if figures.get("why_not_recorded"):
            lines.append(f"    not recorded: {figures['why_not_recorded']}")
    for net in dict.fromkeys(figures["net"] for figures in ours.values()):
        for dtype in ("bf16", "tf32", "f32"):
            for figures in d.torch_steps(dtype, net):
                named = "" if net == "unet" else f"{net} "
                row(f"pytorch {named}{dtype}, {figures['variant']}", figures)
    primitives = sorted(d.figures("step/bf16").get("primitives", {}).items(), key=lambda kv: -kv[1]["milliseconds"])
    if primitives:
        lines.append("  bf16, ms by primitive (calls): " + ", ".join(
            f"{name} {p['milliseconds']:.2f} ({p['calls']})" for name, p in primitives))
    return lines


def tests(d, brief):
    lines = []
    result = device_tests.summary(d.parts)
    if result:
        failed = result["failed"]
        counts = f"{result['passed']} of {result['listed']} cases passed, {len(failed)} failed"
        lines += ["", f"tests on the device: {counts}"]
        lines += shortened([f"  {name}: {message[:300 if brief else None]}" for name, message in failed.items()],
                           BRIEF_FAILURES if brief else None)
    for library in ("cudnn", "cublas"):
        found = [part["figures"] for name, part in d.parts.items()
                 if name.startswith(f"library/{library} ") and part.get("figures")]
        if found:
            passed, failed = (sum((list(f[which]) for f in found), []) for which in ("passed", "failed"))
            lines.append(f"  convolutions through {library}: {len(passed)} passed, {len(failed)} failed")
            lines += [f"    {name}: {message[:300]}" for f in found for name, message in f["failed"].items()]
    for tool, what in d.sanitizer().items():
        figures = d.figures(f"sanitizer/{tool}")
        lines.append(f"  {tool}: {what}; {figures.get('summary') or 'no summary'}")
        lines += [f"    {finding[:160]}" for finding in figures.get("findings", [])[:4]]
    for dtype, (worst, first, last) in d.losses().items():
        recorded = "recorded" if d.figures(f"trains/{dtype}").get("recorded") else "not recorded"
        lines.append(f"  losses of a small network, {dtype}, {recorded}: {first:.4f} to {last:.4f}, "
                     f"at most {worst:.1e} from the CPU's in f32")
    return lines


def trained(d, brief):
    figures = d.figures("training")
    if not figures.get("epochs"):
        return []
    seconds = [f"{name} {value:.1f} s" for name, value in figures["seconds_in"].items()]
    if figures.get("planning_seconds") is not None:
        seconds.append(f"planning {figures['planning_seconds']:.1f} s")
    lines = ["", f"training: {figures['epochs']} epochs in {figures['seconds']:.0f} s"
             + (f" ({', '.join(seconds)})" if seconds else "")
             + f", {number(figures.get('images_per_second'), '.0f')} images/s"]
    if "mean_iou" in figures:
        lines.append(f"  best validation mean IoU {figures['mean_iou']:.4f}, "
                     f"pixel accuracy {figures['pixel_accuracy']:.4f}, in epoch {figures['best_epoch']}")
    return lines


def wanted(d):
    lines = ["", f"{'wanted':56} measured"]
    for target, measure in TARGETS:
        found = guarded(measure, d) or ("not measured", None)
        measured, reached = (found, None) if isinstance(found, str) else found
        note = "" if reached is None else "  (reached)" if reached else "  (NOT reached)"
        lines.append(f"{target:56} {measured}{note}")
    return lines


def guarded(function, *arguments):
    """A figure that is not as expected must not cost the others."""
    try:
        return function(*arguments)
    except Exception as error:
        return f"{function.__name__} cannot be shown: {type(error).__name__}: {error}"


def text(data, brief=False):
    """All tables, the most important last. brief: no more than fits the end of an output."""
    d = Data(data)
    lines = []
    for section in (about, kernels, torch_kernels, calls, troubles, steps, tests, trained):
        found = guarded(section, d, brief)
        lines += ["", found] if isinstance(found, str) else found
    lines += wanted(d)
    while brief and sum(len(line) + 1 for line in lines) > MOST_BRIEF:
        lines.pop(0)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(text(json.load(file)), end="")
