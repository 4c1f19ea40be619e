"""The clients and issuers that others wrote, installed by pinned version into the cache folder.

`requirements*.txt`, `node/package-lock.json` and `go/*/go.sum` hold the versions and their hashes. A folder is named by the hash of
what was asked for, so that a changed pin is a new folder and an unchanged one costs nothing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DONE = ".complete"
OLDEST_NODE = 20
# The modules in `go/`, and which programs are built of each.
GO = {
    "cluster": ["./etcd", "k8s.io/kubernetes/cmd/kube-apiserver"],
    "collector": ["."],
    "oauth": ["."],
    "spiffe": ["."],
    "spire": [f"github.com/spiffe/spire/{path}" for path in ("cmd/spire-agent", "cmd/spire-server", "support/oidc-discovery-provider")],
}
# A library for Java that needs no other, and what its file must be.
NIMBUS = ("com.nimbusds:nimbus-jose-jwt:10.5", "nimbus-jose-jwt-10.5.jar", "104ed6c348d35f68ab16d85550ed59239bcb7846bc2bd885ef3851a0ab2e73cf")
# SPIRE's server keeps what it knows in SQLite, which is C.
GO_WITH_C = {"spire"}
GO_FLAGS = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w"]
GO_ENV = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}


@dataclass(frozen=True)
class Parts:
    """What was installed: interpreters that have the Python SDKs, the `node_modules` that has those for JavaScript, the program
    that makes up requests, folders with programs built of Go modules; and why those are missing that only their own cases need."""

    python: Path
    node_modules: Path
    spiral: Path
    schemathesis: Path
    vendors: Path
    cluster: Path
    collector: Path
    oauth: Path
    spiffe: Path
    spire: Path
    prometheus: Path
    nimbus: Path
    missing: dict[str, str]


class Missing(Exception):
    """A part cannot be had here; the text says why."""


def install(cache: Path, needs: set[str], *, build: bool = True) -> Parts:
    """Installs what is not installed yet; a second run that begins meanwhile waits. Raises `Missing`.

    What is built of Go modules is built if it is among `needs`, and only while `build` says so: it takes a network, and minutes.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache, "lock"):
        python = _python(cache, "requirements.txt")
        node_modules = _node(cache)
        spiral = _python(cache, "requirements-pyspiral.txt")
        schemathesis = _python(cache, "requirements-schemathesis.txt").parent / "schemathesis"
        vendors = _python(cache, "requirements-vendors.txt")
    built, missing = {}, {}
    for name in GO:
        # Minutes long, some of them: a run that needs something else does not wait.
        with _alone(cache, f"{name}.lock") if name in needs else nullcontext():
            built[name] = _go(cache, name, needs, build, missing)
    with _alone(cache, "prometheus.lock"):
        prometheus = _prometheus(cache, needs, build, missing)
    with _alone(cache, "nimbus.lock"):
        nimbus = _nimbus(cache, needs, build, missing)
    return Parts(python, node_modules, spiral, schemathesis, vendors, **built, prometheus=prometheus, nimbus=nimbus, missing=missing)


@contextmanager
def _alone(cache: Path, name: str) -> Iterator[None]:
    with (cache / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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


def _go(cache: Path, name: str, needs: set[str], build: bool, missing: dict[str, str]) -> Path:
    module = HERE / "go" / name
    sources = sorted(path for path in module.rglob("*") if path.is_file())
    folder = _folder(cache, name, *(path.read_text() for path in sources))
    if name in needs and not (folder / DONE).exists():
        try:
            if shutil.which("go") is None:
                raise Missing("`go` is not installed")
            if not build:
                raise Missing("it could not be built")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            # Beside the build of the server, which everything else waits for.
            niced, env = ["nice", "-n", "5", "go"], os.environ | GO_ENV | {"CGO_ENABLED": "1" if name in GO_WITH_C else "0"}
            with tempfile.TemporaryDirectory(prefix="accredit-interop-") as trimmed:
                flags = GO_FLAGS
                if (module / "trim").exists():
                    _run(f"{name}, what is left out", [*niced, "run", "./trim", trimmed], module, env)
                    flags = [*flags, f"-modfile={trimmed}/go.mod"]
                _run(name, [*niced, "build", *flags, "-o", f"{folder}/", *GO[name]], module, env)
            (folder / DONE).touch()
        except Missing as why:
            missing[name] = str(why)
    return folder


def _prometheus(cache: Path, needs: set[str], build: bool, missing: dict[str, str]) -> Path:
    """The folder of `prometheus` and `promtool`: the system's, else of the distribution's package, unpacked into the cache."""
    if (found := shutil.which("promtool")) and shutil.which("prometheus", path=Path(found).parent):
        return Path(found).parent
    folder = cache / "prometheus"
    if "prometheus" in needs and not (folder / DONE).exists():
        try:
            if not build or shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
                raise Missing("`prometheus` is not installed, and there is no `apt-get` to fetch it with")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _run("prometheus", ["apt-get", "download", "--quiet", "prometheus"], cwd=folder)
            package = next(folder.glob("*.deb"))
            _run("prometheus", ["dpkg-deb", "--extract", package, folder])
            package.unlink()
            (folder / DONE).touch()
        except Missing as why:
            missing["prometheus"] = str(why)
    return folder / "usr" / "bin"


def _nimbus(cache: Path, needs: set[str], build: bool, missing: dict[str, str]) -> Path:
    """The library's jar, of Maven's registry."""
    artifact, name, digest = NIMBUS
    folder = _folder(cache, "nimbus", artifact, digest)
    if "nimbus" in needs and not (folder / DONE).exists():
        try:
            if not build or shutil.which("mvn") is None or shutil.which("java") is None:
                raise Missing("`mvn` or `java` is not installed")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            copy = ["mvn", "--quiet", "--batch-mode", "-C", "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"]
            _run("nimbus", [*copy, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"], folder)
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise Missing(f"`{name}` is not what it was")
            (folder / DONE).touch()
        except Missing as why:
            missing["nimbus"] = str(why)
    return folder / name


def _folder(cache: Path, name: str, *asked: str) -> Path:
    return cache / f"{name}-{hashlib.sha256(chr(0).join(asked).encode()).hexdigest()[:16]}"


def _run(what: str, command: list, cwd: Path | None = None, env: dict | None = None) -> None:
    print(f"install   {what}", flush=True)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Missing(f"{what} failed: {(done.stderr or done.stdout).strip()[-800:]}")
