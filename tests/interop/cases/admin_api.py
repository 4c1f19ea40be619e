"""The admin API under generated input: schemathesis reads its OpenAPI document and sends what fits it and what does not.

It meets a server of its own, because it deletes and prunes as it pleases, through a forwarder from loopback to the local socket.
"""

import socket
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from parts import HERE
from process import Child
from suite import Failed, case, expect
from world import World

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]


@case("admin-api/generated-requests", needs=())
def generated_requests(world: World) -> None:
    folder = world.folder / "admin-api"
    folder.mkdir()
    with server(world, folder) as (url, running):
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
            served = answer.read().decode()
        checked_in = (HERE.parents[1] / "docs" / "reference" / "admin-openapi.json").read_text()
        expect(served, checked_in, "the document that the server serves")
        (folder / "openapi.json").write_text(served)
        command = [world.parts.schemathesis, "run", folder / "openapi.json", "--url", url, "--checks", ",".join(CHECKS)]
        # A fixed seed: a failure is the change's, not the day's.
        command += ["--seed", "1", "--max-examples", "12", "--phases", "examples,coverage,fuzzing", "--no-color", "--max-time", "150"]
        # Logging in is for those who come from elsewhere, not for the server's own user on the socket.
        command += ["--exclude-path-regex", "^/admin/"]
        command += ["--suppress-health-check", "all", "--warnings", "off", "--generation-database", "none"]
        with Child("schemathesis", command, folder, {"PATH": "/usr/bin:/bin", "HOME": str(folder)}) as child:
            code = child.wait(300)
            printed = "\n".join(child.texts())
        if code != 0:
            raise Failed(f"schemathesis exited {code}:\n{printed[-12000:]}\n{child.errors()[-2000:]}")
        expect(running(), True, "that the server still runs")


@contextmanager
def server(world: World, folder: Path, more: dict[str, str] | None = None):
    """A server that nothing else uses, and an http URL for its admin socket."""
    path = folder / "run" / "admin.sock"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)} | (more or {})
    command = [world.binary, "server", "--listen", "127.0.0.1:0", "--socket", path]
    with Child("admin-api-server", command, folder, env) as child:
        deadline = time.monotonic() + 30
        while "server ready" not in child.errors():
            if not child.running() or time.monotonic() > deadline:
                raise Failed(f"the server did not get ready:\n{child.errors()}")
            time.sleep(0.02)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=forward, args=(listener, path), daemon=True).start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", child.running


def forward(listener: socket.socket, path: Path) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(path))
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
