"""Child processes that end with the run, whatever ends the run."""

import ctypes
import json
import queue
import signal
import subprocess
import threading
from pathlib import Path

from suite import Failed

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Has the kernel end this process when the thread that started it is gone, so that even SIGKILL leaves nothing behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A started process: its stdout line by line, its stderr in a file. Use as a context manager; leaving ends it."""

    def __init__(self, name: str, command: list, folder: Path, env: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env=env,
                start_new_session=True,  # Ctrl-C reaches the run alone, which then ends its children in order
                preexec_fn=die_with_parent,
            )
        self._said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def send(self, line: str) -> None:
        """Writes one line to its stdin; silently nothing when it is gone, for then `line` says so."""
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def line(self, timeout: float = 30) -> dict | None:
        """The next line of its stdout as JSON; `None` when it has ended."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise Failed(f"{self.name} said nothing for {timeout} s") from None
        return None if line is None else json.loads(line)

    def end(self, timeout: float = 15) -> int:
        """Closes its stdin and waits until it ends by itself; returns its exit code."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        return self.wait(timeout)

    def wait(self, timeout: float = 15) -> int:
        """Waits until it ends by itself; returns its exit code."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} still runs after {timeout} s") from None

    def running(self) -> bool:
        return self._process.poll() is None

    def errors(self) -> str:
        """What it wrote to stderr so far."""
        return self.log.read_text(errors="replace")

    def texts(self) -> list[str]:
        """What it wrote to stdout so far, line by line."""
        return list(self._said)

    def stop(self) -> None:
        """Ends it: asks, then after 5 s no longer asks."""
        if self.running():
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._said.append(line.rstrip("\n"))
            self._lines.put(line)
        self._lines.put(None)
