"""Runs the camber command under limits."""

import os
import resource
import signal
import subprocess
import time
import unicodedata
from dataclasses import dataclass

# Characters that take no room, or turn the direction of the text.
UNSEEN = [chr(c) for c in (0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)]

@dataclass
class Result:
    code: int  # negative: the signal that ended it
    errors: bytes
    seconds: float
    interrupted: bool = False  # it ran past its time, and ended when asked to

    def fault(self):
        """What is wrong with how the command ended, whatever its input was; empty for nothing."""
        if self.code < 0:
            return f"ended by signal {-self.code}" if -self.code != signal.SIGKILL else "did not end"
        if self.code not in (0, 1, 2) and not (self.interrupted and self.code == 130):
            return f"exit code {self.code}"
        if self.code in (1, 2) and not self.errors.startswith(b"camber: error: "):
            return "no error line"
        if self.errors.count(b"\n") > 1 or (self.errors and not self.errors.endswith(b"\n")):
            return "not one line"
        try:
            text = self.errors.decode()
        except UnicodeDecodeError:
            return "bytes that are not UTF-8"
        if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in UNSEEN for c in text.rstrip("\n")):
            return "control characters"
        if len(text) > 4000:
            return "a line of more than 4,000 characters"
        if "exception" in text or "Success" in text or "parse error" in text:
            return "a library's own words"
        return ""


def run(arguments, seconds, addresses=0, endless=False):
    """Runs `arguments` with so many bytes of addresses at most (0: without a limit), and kills it after `seconds`. One
    that may rightly go on (`endless`) is asked to end first."""

    def limit():
        if addresses:
            resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    start = time.monotonic()
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, preexec_fn=limit,
                               env={**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"})
    interrupted = False
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        if endless:
            interrupted = True
            process.send_signal(signal.SIGINT)
        else:
            process.kill()
        try:
            _, errors = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
    return Result(process.returncode, errors, time.monotonic() - start, interrupted)
