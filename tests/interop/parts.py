"""The clients and issuers that others wrote, installed by pinned version into the cache folder.

`requirements.txt`, `requirements-schemathesis.txt` and `node/package-lock.json` hold the versions and their hashes. A folder is named by the hash of what was
asked for, so that a changed pin is a new folder and an unchanged one costs nothing.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DONE = ".complete"
OLDEST_NODE = 20


@dataclass(frozen=True)
class Parts:
    """What was installed: interpreters that have the Python SDKs, the `node_modules` that has the rest, and the program that
    makes up requests."""

    python: Path
    node_modules: Path
    spiral: Path
    schemathesis: Path
    vendors: Path


class Missing(Exception):
    """A part cannot be had here; the text says why."""


def install(cache: Path) -> Parts:
    """Installs what is not installed yet; a second run that begins meanwhile waits. Raises `Missing`."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Parts(
            python=_python(cache, "requirements.txt"),
            node_modules=_node(cache),
            spiral=_python(cache, "requirements-pyspiral.txt"),
            schemathesis=_python(cache, "requirements-schemathesis.txt").parent / "schemathesis",
            vendors=_python(cache, "requirements-vendors.txt"),
        )


def _python(cache: Path, asked: str) -> Path:
    requirements = HERE / asked
    folder = _folder(cache, "python", sys.version, requirements.read_text())
    python = folder / "bin" / "python"
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run("venv", [sys.executable, "-m", "venv", folder])
        _run("pip", [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements])
        (folder / DONE).touch()
    return python


def _node(cache: Path) -> Path:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Missing(f"`{program}` is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
        raise Missing(f"`node` is {version}, expected {OLDEST_NODE} or later")
    wanted = [HERE / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    folder = _folder(cache, "node", *(path.read_text() for path in wanted))
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in wanted:
            shutil.copy(path, folder)
        _run("npm", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)
        (folder / DONE).touch()
    return folder / "node_modules"


def _folder(cache: Path, name: str, *asked: str) -> Path:
    return cache / f"{name}-{hashlib.sha256(chr(0).join(asked).encode()).hexdigest()[:16]}"


def _run(what: str, command: list, cwd: Path | None = None) -> None:
    print(f"install   {what}", flush=True)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Missing(f"{what} failed: {(done.stderr or done.stdout).strip()[-800:]}")
