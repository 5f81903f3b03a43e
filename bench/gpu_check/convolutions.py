"""What the choice cache says of a step's convolutions (cuda/convolutions/choice_cache.h writes it)."""
import json
import math
import re


def read(folder):
    """Every choice that can be read, an object each, with `written` (seconds since 1970)."""
    choices = []
    for file in sorted(folder.glob("convolutions/*/*.json")):
        try:
            choice = json.loads(file.read_text())
            if "call" in choice:
                choices.append(choice | {"written": file.stat().st_mtime})
        except (OSError, ValueError, TypeError):
            continue  # being written, or damaged: the programs count it as absent too
    return choices


def of_step(choices, dtype, batch):
    """Those of a training step's calls: {call: row}, the longest first. A row has kind, shapes and figures, each None
    where the choice does not say."""
    rows = []
    for choice in choices:
        call = describe(choice["call"])
        if call and call["dtype"] == dtype and call["image"][0] == batch and call["settings"] == "deterministic auto":
            rows.append(call | figures(choice, call))
    return sorted(rows, key=lambda row: -(row["milliseconds"] or 0))


def describe(text):
    """The parts of a call's text, "response bf16 image [16, 256, 256, 64] filter f32 [...] ...; deterministic auto"."""
    match = re.match(r"(response|image gradient|filter gradient) (\w+) image \[([\d, ]+)\] "
                     r"filter \w+ \[([\d, ]+)\] response \[([\d, ]+)\](.*?); *(.*)$", text)
    if not match:
        return None
    image, filters, response = ([int(n) for n in match[i].split(",")] for i in (3, 4, 5))
    return {"kind": match[1], "dtype": match[2], "image": image, "filter": filters, "response": response,
            "bias": match[6].rstrip().endswith("bias"), "settings": match[7],
            "operations": 2 * math.prod(response) * math.prod(filters[1:])}


def figures(choice, call):
    milliseconds = choice.get("milliseconds") or None
    tried = [t for t in choice.get("tried") or [] if isinstance(t.get("milliseconds"), (int, float))]
    best = lambda fused: min((t["milliseconds"] for t in tried if adds_bias(t) == fused), default=None)
    return {"library": choice.get("library"), "plan": choice.get("plan"), "milliseconds": milliseconds,
            "operations_per_second": call["operations"] / milliseconds * 1e3 if milliseconds else None,
            "own_milliseconds": choice.get("own_milliseconds"), "error": choice.get("error"),
            "planning_seconds": choice.get("planning_seconds"), "tried": len(choice.get("tried") or []),
            "differing": sum(1 for t in choice.get("tried") or [] if "differ" in str(t.get("outcome"))),
            "best_plain_milliseconds": best(False) if call["bias"] else None,
            "best_fused_milliseconds": best(True) if call["bias"] else None}


def adds_bias(attempt):
    """Whether the plan adds the bias in the same kernel: its text begins with how the call was posed."""
    return bool(re.match(r"[^:]*\bwith bias\b", attempt["plan"]))


def planning_seconds(choices, since=0, until=math.inf):
    """Spent on the choices made in between; None where no choice says."""
    spent = [c["planning_seconds"] for c in choices
             if since <= c["written"] < until and isinstance(c.get("planning_seconds"), (int, float))]
    return sum(spent) if spent else None
