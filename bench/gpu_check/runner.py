"""Runs programs within budgets: each in a process group of its own that is ended at its budget, whatever it does."""
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import typing

from watcher import Watcher

UPDATE = 5.0  # seconds between looks at what running parts have printed
LARGEST_FILE = 4 << 30  # of a part's: one that prints without end must not fill the disk
MOST_READ = 8 << 20     # bytes of a part's output, the last ones


@dataclasses.dataclass
class Part:
    """A program to run."""
    name: str  # of the result, unique: "step/bf16"
    command: list[str]
    seconds: float  # its budget
    # Figures of what it printed, an object: also of what it had printed when it was ended, and while it runs.
    read: typing.Callable[[str], dict] = lambda output: {}
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    quiet: bool = False  # it times the device: what runs in the background waits


class Cut(BaseException):
    """The whole is to end now. No Exception, which is one part's fault."""


def _before_exec():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


class Process:
    """A part that runs."""

    def __init__(self, part, logs, limit, grace, watcher):
        self.part, self.limit, self.grace = part, limit, grace  # limit: when it is ended, time.monotonic()
        self.watcher = watcher
        name = re.sub(r"[^A-Za-z0-9.]+", "-", part.name)
        self.output, self.errors = logs / f"{name}.out", logs / f"{name}.err"
        self.start, self.asked, self.paused, self.process = time.monotonic(), None, False, None
        with self.output.open("wb") as out, self.errors.open("wb") as err:
            try:
                self.process = subprocess.Popen(part.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                                process_group=0, preexec_fn=_before_exec,
                                                env=os.environ | part.environment)
                watcher.begun(self.process.pid)
            except OSError as error:
                err.write(f"{part.command[0]}: {error.strerror}\n".encode())

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process:
                os.killpg(self.process.pid, number)

    def pause(self):
        self.paused = True
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.paused = False
        self.signal(signal.SIGCONT)

    def poll(self):
        """Whether it is over; ends it where its time is."""
        now = time.monotonic()
        if not self.process or self.process.poll() is not None:
            self.signal(signal.SIGKILL)  # what it started must not outlive it
            if self.process:
                self.watcher.over(self.process.pid)
            return True
        if now >= self.limit and self.asked is None:
            self.ask()
        if self.asked is not None and now >= self.asked + self.grace:
            self.signal(signal.SIGKILL)
            # One that even this does not end hangs in the driver, and is left.
            return self.process.poll() is not None or now >= self.asked + 2 * self.grace
        return False

    def ask(self):
        """To end."""
        self.asked = time.monotonic()
        self.signal(signal.SIGTERM)
        self.go_on()

    def kill(self):
        self.signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.process:
                self.process.wait(0.5)

    def outcome(self, running=False):
        """What is known of it: outcome ("done", "failed", "ended" at its budget, "running"), seconds, why, figures."""
        result = {"outcome": "done", "seconds": round(time.monotonic() - self.start, 3)}
        if running:
            result["outcome"] = "running"
        elif not self.process:
            result |= {"outcome": "failed", "why": self.errors.read_text().strip()}
        elif self.asked is not None:
            result |= {"outcome": "ended", "why": f"ended after {self.asked - self.start:.0f} s"}
        elif self.process.returncode != 0:
            code = self.process.returncode
            result |= {"outcome": "failed", "why": _exit_text(code) + _last_line(self.errors)}
        try:
            result["figures"] = self.part.read(end_of(self.output, MOST_READ))
        except Exception as error:  # whatever a program printed, the others go on
            if result["outcome"] == "done":
                why = f"what it printed cannot be read: {type(error).__name__}: {error}"
                result |= {"outcome": "failed", "why": why}
        return result


def _exit_text(code):
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def end_of(file, most):
    """Its last `most` bytes, as text."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - most))
        return stream.read().decode(errors="replace")


def _last_line(file):
    lines = end_of(file, 4096).strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""


class Runner:
    """Runs parts and hands their outcomes to `add(name, outcome)`, and what running ones have printed to `update(...)`.
    `grace`: seconds between asking a process group to end and killing it."""

    def __init__(self, logs: pathlib.Path, add, update, grace=1.5):
        self.logs, self.add, self.update, self.grace = logs, add, update, grace
        self.why_cut = ""  # set, by a signal, when the whole is to end: Cut is thrown where nothing is half done
        self.watcher = Watcher()
        self.running: list[Process] = []
        self.background: list[Process] = []
        logs.mkdir(parents=True, exist_ok=True)

    def run(self, parts, deadline, jobs=1):
        """Runs each in turn, `jobs` at a time, none beyond `deadline` (time.monotonic()). Parts that would begin after
        it are not run. True where all were run."""
        waiting = list(parts)
        next_update = time.monotonic() + UPDATE
        while waiting or self.running:
            self._check_cut()
            while waiting and len(self.running) < jobs and time.monotonic() < deadline:
                part = waiting.pop(0)
                if part.quiet:
                    self._pause_background()
                limit = min(deadline, time.monotonic() + part.seconds)
                self.running.append(Process(part, self.logs, limit, self.grace, self.watcher))
            over = [process for process in self.running if process.poll()]
            for process in over:
                self.running.remove(process)
                if process.part.quiet and not any(p.part.quiet for p in self.running):
                    for job in self.background:
                        job.go_on()
                self.add(process.part.name, process.outcome())
            if not self.running and time.monotonic() >= deadline:
                break
            if time.monotonic() >= next_update:
                self._update()
                next_update = time.monotonic() + UPDATE
            if not over:
                time.sleep(0.02)
            self._poll_background()
        for part in waiting:
            self.add(part.name, {"outcome": "not reached", "why": "the stage's time was over"})
        return not waiting

    def start_background(self, part):
        """A part beside the others, which waits while a quiet one runs."""
        limit = time.monotonic() + part.seconds
        self.background.append(Process(part, self.logs, limit, self.grace, self.watcher))

    def end_background(self, deadline=0.0):
        """Waits for what runs there until `deadline` (time.monotonic()), and ends it then."""
        while self.background:
            self._check_cut()
            for job in self.background:
                job.limit = min(job.limit, deadline)
            self._poll_background()
            time.sleep(0.02)

    def _check_cut(self):
        if self.why_cut:
            raise Cut(self.why_cut)

    def _pause_background(self):
        paused = [job for job in self.background if not job.paused]
        for job in paused:
            job.pause()
        if paused:
            time.sleep(0.2)  # what it has queued on the device runs out

    def _poll_background(self):
        for job in [job for job in self.background if job.poll()]:
            self.background.remove(job)
            self.add(job.part.name, job.outcome())

    def _update(self):
        self.update({process.part.name: process.outcome(running=True) for process in self.running + self.background})

    def cut(self):
        """Ends everything now; what had been printed counts."""
        for process in self.running + self.background:
            process.kill()
        for process in self.running + self.background:
            outcome = process.outcome()
            if outcome["outcome"] != "done":
                outcome |= {"outcome": "ended", "why": "the whole was ended"}
            self.add(process.part.name, outcome)
        self.running, self.background = [], []
