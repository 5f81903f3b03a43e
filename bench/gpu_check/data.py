"""A run's results.json, looked at."""


class Data:
    def __init__(self, data):
        self.about, self.run, self.missing = data["about"], data["parts"], data.get("missing", [])
        self.before = data.get("before")
        self.same_device = bool(self.before) and self.before["about"]["device"] == self.about["device"] and (
            self.device(self.before["parts"]) == self.device(self.run))
        self.parts = (self.before["parts"] if self.same_device else {}) | self.run

    def device(self, parts=None):
        """As camber info describes it, or None."""
        return _figures(self.run if parts is None else parts, "found/info").get(self.about["device"])

    def figures(self, name):
        """Of a part; empty where it has none."""
        return _figures(self.parts, name)

    def done(self, name):
        return self.parts.get(name, {}).get("outcome") == "done"

    def steps(self):
        """{name: figures} of Camber's steps that have a time, the plain U-Net's first."""
        found = {name.removeprefix("step/"): self.figures(name) for name in self.parts
                 if name.startswith("step/") and "median_seconds" in self.figures(name)}
        return dict(sorted(found.items(), key=lambda kv: kv[1]["net"] != "unet"))

    def torch_steps(self, dtype, net="unet"):
        """Every variant of PyTorch's step of the network in the dtype that has a time, the fastest first."""
        rows = [row for name in self.parts if name.startswith("pytorch/") for row in self.figures(name).values()
                if isinstance(row, dict) and row.get("dtype") == dtype and row.get("net") == net
                and "median_seconds" in row]
        return sorted(rows, key=lambda row: row["median_seconds"])

    def sanitizer(self):
        """{tool: what came of it}."""
        found = {}
        for name, part in sorted(self.parts.items()):
            if name.startswith("sanitizer/"):
                findings, outcome = self.figures(name).get("findings"), part["outcome"]
                found[name.removeprefix("sanitizer/")] = (
                    "FINDINGS" if findings else "clean" if outcome == "done"
                    else f"no finding, {part['why']}" if outcome == "ended" else outcome)
        return found

    def losses(self):
        """{dtype: (largest relative distance from the CPU's losses, first loss, last loss)}."""
        expected = self.figures("trains/cpu").get("losses") or []
        found = {}
        for dtype in ("f32", "bf16"):
            losses = self.figures(f"trains/{dtype}").get("losses") or []
            if expected and len(losses) == len(expected):
                distances = [float("inf") if a is None or a != a else abs(a / e - 1) for a, e in zip(losses, expected)]
                found[dtype] = (max(distances), losses[0], losses[-1])
        return found


def _figures(parts, name):
    return parts.get(name, {}).get("figures") or {}
