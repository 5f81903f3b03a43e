"""What a run has found so far, kept so that it can be killed at any moment: files are replaced whole."""
import gzip
import io
import json
import os
import pathlib
import tarfile

from runner import end_of

MOST_LOG = 24 << 10        # bytes of a log in the tar: its end
MOST_TAR = 15 << 20        # of the tar in all
MOST_SMALL_FILE = 1 << 20  # of a file that is gathered


def write_whole(file, data):
    """Replaces the file by these bytes at once: a reader sees the old or the new one."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


class Results:
    """The outcome of each part; results.json, table.txt and results.tar in a folder.

    The tar holds the other two, the ends of all logs, the files of `gather` ({name in the tar: file or folder}) and the
    choice cache as a tar of its own, choices.tar.gz.
    """

    def __init__(self, folder, logs, choices, about, table):
        self.folder, self.logs, self.choices, self.table = pathlib.Path(folder), logs, choices, table
        self.data = {"about": about, "parts": {}}
        self.gather: dict[str, pathlib.Path] = {}
        self._packed, self._choices_tar = {}, b""
        self.why_not_written = ""
        self.folder.mkdir(parents=True, exist_ok=True)

    def figures(self, name):
        """Of a part; empty where it has none (yet)."""
        return self.data["parts"].get(name, {}).get("figures", {})

    def outcome(self, name):
        return self.data["parts"].get(name, {}).get("outcome", "not reached")

    def add(self, name, outcome):
        """A part is over. Announced once it is on disk."""
        self.data["parts"][name] = outcome
        self.write()
        why = f" ({outcome['why']})" if outcome.get("why") else ""
        print(f"{outcome['outcome']:>8} {name}{why}", flush=True)

    def update(self, outcomes):
        """Parts are running."""
        self.data["parts"] |= outcomes
        self.write()

    def write(self):
        """Where that fails, a full disk for one, it is said once, and the run goes on: the output has the tables."""
        try:
            self._write()
        except OSError as error:
            if not self.why_not_written:
                print(f"the results cannot be written: {error}", flush=True)
            self.why_not_written = str(error)

    def _write(self):
        text = json.dumps(self.data, indent=1).encode()
        table = self.table(self.data).encode()
        write_whole(self.folder / "results.json", text)
        write_whole(self.folder / "table.txt", table)
        write_whole(self.folder / "results.tar", self._tar({"results.json": text, "table.txt": table}))

    def _tar(self, members):
        buffer, left_out = io.BytesIO(), []
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            def add(name, data):
                if buffer.tell() + len(data) > MOST_TAR:
                    left_out.append(name)
                    return
                _add(tar, name, data)

            for name, data in members.items():
                add(name, data)
            for name, place in self.gather.items():
                for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                    if file.is_file() and file.stat().st_size <= MOST_SMALL_FILE:
                        add(f"{name}/{file.relative_to(place)}" if place.is_dir() else name, file.read_bytes())
            for log in sorted(self.logs.iterdir()):
                if log.stat().st_size > 0:
                    add(f"logs/{log.name}", end_of(log, MOST_LOG).encode())
            if data := self._pack_choices():
                add("choices.tar.gz", data)
            if left_out:
                add("left_out.txt", "\n".join(left_out).encode())
        return buffer.getvalue()

    def _pack_choices(self):
        files = [file for file in sorted(self.choices.rglob("*")) if file.is_file()]
        # One that goes meanwhile is a choice about to be renamed: it is there the next time.
        contents = {file: data for file in files if (data := _bytes_of(file)) is not None}
        if contents != self._packed:
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as tar:
                for file, data in contents.items():
                    _add(tar, str(file.relative_to(self.choices)), data)
            self._packed, self._choices_tar = contents, buffer.getvalue() if contents else b""
        return self._choices_tar


def _bytes_of(file):
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read_before(given, choices):
    """What an earlier run found, from its results.tar: fills the choice cache and gives its about and parts."""
    whole = pathlib.Path(given).read_bytes()
    if whole[-1024:] != bytes(1024):  # a tar's end
        raise ValueError("cut short")
    contents = _contents_of(whole)
    packed = contents.get("choices.tar.gz")
    for name, data in (_contents_of(gzip.decompress(packed)) if packed else {}).items():
        target = (choices / name).resolve()
        if not target.is_relative_to(choices.resolve()):
            raise ValueError(f"{given}: {name} would be written outside the choice cache")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    before = json.loads(contents["results.json"])
    about, parts = before["about"], before["parts"]
    if not isinstance(about["device"], str) or not isinstance(about["begun"], str):
        raise ValueError("damaged")
    for part in parts.values():
        if not isinstance(part["outcome"], str) or not isinstance(part.get("figures") or {}, dict):
            raise ValueError("damaged")
    return {"about": about, "parts": parts}


def _contents_of(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
