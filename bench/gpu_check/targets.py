"""What is wanted of a GPU's run, beside what was measured. Each function gives what was measured and whether that
reaches the target (None: neither); None where nothing was measured."""
import device_tests
import training


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


def all_tests(d):
    result = device_tests.summary(d.parts)
    if result and result["passed"] + len(result["failed"]) > 0:
        unlisted = [suite for suite in d.about.get("suites", []) if not d.done(f"listed/{suite}")]
        beside = f"; nothing is known of {', '.join(unlisted)}" if unlisted else ""
        return (f"{result['passed']} of {result['listed']}, {len(result['failed'])} failed{beside}",
                result["passed"] == result["listed"] and not unlisted)


def sanitizer(d):
    found = d.sanitizer()
    if found:
        reached = True if set(found.values()) == {"clean"} else None
        if "FINDINGS" in found.values() or "failed" in found.values():
            reached = False
        return ", ".join(f"{tool} {result}" for tool, result in found.items()), reached


def losses(d):
    limits, found = {"f32": 1e-3, "bf16": 5e-2}, d.losses()
    if found:
        return (", ".join(f"{dtype} {worst:.1e}" for dtype, (worst, *_) in found.items()),
                all(dtype in found and found[dtype][0] <= limit for dtype, limit in limits.items()))


def memory_bound(d):
    rows = [r for r in d.figures("kernels/own").get("rows", []) if not r["operations"]]
    if rows:
        enough = sum(1 for r in rows if r["share_of_copy_bandwidth"] >= 0.9)
        whole = d.done("kernels/own")
        return (f"{enough} of {len(rows)}" + ("" if whole else " that were measured"),
                False if enough < len(rows) else True if whole else None)


def planning(d):
    seconds = d.figures("convolutions").get("planning_seconds")
    if seconds is not None:
        whole = d.done("step/bf16")
        return (f"{seconds:.1f} s" + ("" if whole else " before the step was ended"),
                False if seconds > 15 else True if whole else None)


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
        operations = unet_operations(bf16["batch"], bf16["size"], **bf16["options"])
        share = operations / bf16["median_seconds"] / rate
        return f"{share:.0%}", share >= 0.6


def beside_torch(d, dtype, factor=None):
    ours, peers = d.figures(f"step/{dtype}"), d.torch_steps(dtype)
    if "median_seconds" not in ours:
        return None
    milliseconds = 1e3 * ours["median_seconds"]
    if not peers:
        return f"{milliseconds:.2f} ms, PyTorch's not measured", None
    best = peers[0]
    ratio = best["median_seconds"] / ours["median_seconds"]
    return (f"{ratio:.2f} times ({milliseconds:.2f} ms; {1e3 * best['median_seconds']:.2f} ms, {best['mode']})",
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
        return (f"after {at:.0f} s" if at else f"best {run['mean_iou']:.1%} in {run['seconds']:.0f} s",
                bool(at and at <= 180))


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
    (f"{training.WANTED:.0%} validation mean IoU within 180 s of training", mark),
]
