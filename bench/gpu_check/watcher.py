"""Sees to it that nothing runs on when this process is gone, however it ended."""
import os
import signal


class Watcher:
    """A process that is told of process groups and kills those that are left once this process is no more."""

    def __init__(self):
        reading, self._pipe = os.pipe()  # nobody but this process holds the writing end: neither end survives an exec
        if os.fork() > 0:
            os.close(reading)
            return
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            # Who waits for this process's output must not wait for the watcher.
            os.dup2(reading, 0)
            os.closerange(1, os.sysconf("SC_OPEN_MAX"))
            self._watch(0)
        finally:
            os._exit(0)

    @staticmethod
    def _watch(pipe):
        groups = set()
        with os.fdopen(pipe) as lines:
            for line in lines:
                (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
        for group in groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except OSError:
                continue

    def begun(self, group):
        os.write(self._pipe, f"+{group}\n".encode())

    def over(self, group):
        """Its number may soon be another's."""
        os.write(self._pipe, f"-{group}\n".encode())
