"""A server for Spiral's clients, which are led to it by `SPIRAL__SERVER__URL`: plain HTTP on loopback, with resources of its own."""

import json
import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from namespace import METADATA_ADDRESS
from parts import HERE
from process import Child
from resources import resource
from suite import expect_match
from world import World, free_port

SPIRALS_AUDIENCE, MODALS_AUDIENCE = "https://iss.spiraldb.com", "oidc.modal.com"
ROLE_PERMISSIONS = {"viewer": ["table.read"], "editor": ["table.read", "table.write"]}
# An instance of EC2 is known by its firmware; this one is so in a mount namespace of its own.
ON_EC2 = [
    "unshare",
    "--mount",
    "--",
    "sh",
    "-c",
    "mount -t tmpfs none /sys/class && mkdir -p /sys/class/dmi/id && echo 4.11.amazon > /sys/class/dmi/id/product_version"
    ' && echo "Amazon EC2" > /sys/class/dmi/id/bios_vendor && exec "$0" "$@"',
]
# Any program: what it prints is the access token that the library would use.
PROGRAM = "import spiral; print(spiral.Spiral().authn.token().expose_secret())"


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str


class Lake:
    """The server, and Spiral's clients in one kind of cloud. Use as a context manager."""

    def __init__(self, world: World, cloud: str = "none") -> None:
        self.world, self.cloud = world, cloud
        self.python = world.parts.spiral
        self.folder = world.folder / f"lake-{cloud}-{free_port()}"
        self.folder.mkdir()
        self._stack = ExitStack()

    def __enter__(self) -> "Lake":
        try:
            issuer = self.world.issuer
            self.tokens = {
                "github": issuer.github(audience=SPIRALS_AUDIENCE),
                "gcp": self._token("112233445566778899000", email="loader@acme.iam.gserviceaccount.com"),
                "modal": self._token("modal:workspace_id:ac-1", audience=MODALS_AUDIENCE, workspace_id="ac-1"),
                "oidc": self._token("anybody"),
            }
            options = {"metadata": METADATA_ADDRESS, "cloud": self.cloud, "tokens": self.tokens}
            cloud = Child("cloud", [self.python, HERE / "python" / "cloud.py", json.dumps(options)], self.folder, self._env())
            self.services = f"http://127.0.0.1:{self._stack.enter_context(cloud).line()['port']}"
            self._serve()
            self.bearer = self.accredit("token", "spiral", "--project", "lake").strip()
            self.project = json.loads(self.accredit("get", "project", "lake", "-o", "json"))["id"]
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    # === Spiral's clients ===

    def command(self, *arguments: str, env: dict | None = None) -> Ran:
        """Spiral's command line with the bearer that an operator made for it."""
        return self._run([self.python.parent / "spiral", *arguments], env or {"SPIRAL__AUTHN__TOKEN": self.bearer})

    def create(self, *arguments: str) -> str:
        """A command that must succeed; the id that it prints."""
        ran = self.command(*arguments)
        return expect_match(ran.stdout.strip(), r"^(sa|map)_[0-9a-z]{26}$", f"`spiral {' '.join(arguments)}`: {ran.stderr}; stdout")

    def library(self, workload: str, env: dict) -> Ran:
        """A program of the library's that runs as a workload."""
        on = ON_EC2 if self.cloud == "aws" else []
        return self._run([*on, self.python, "-c", PROGRAM], {"SPIRAL_WORKLOAD_ID": workload, **env})

    def accredit(self, *arguments: str) -> str:
        command = [self.world.binary, *arguments, "--socket", self.folder / "run" / "admin.sock"]
        done = subprocess.run(command, capture_output=True, text=True, env=self._env(), stdin=subprocess.DEVNULL, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"accredit {' '.join(arguments)} exited {done.returncode}: {(done.stderr + done.stdout).strip()}")
        return done.stdout

    def apply(self, *documents: dict) -> None:
        """Has the server's operator write resources."""
        self.accredit("apply", "-f", str(self.world.file("resources.yaml", "".join(f"---\n{json.dumps(each)}\n" for each in documents))))

    def heard(self) -> str:
        """What the cloud around the workload was asked, for a case that fails."""
        return "\nthe cloud was asked:\n" + (self.folder / "cloud.log").read_text(errors="replace")[-2000:]

    # === starting ===

    def _token(self, sub: str, audience: str = SPIRALS_AUDIENCE, **claims: str) -> str:
        now = int(time.time())
        base = {"iss": self.world.issuer.url, "aud": audience, "sub": sub, "iat": now, "exp": now + 600}
        return self.world.issuer.sign({**base, **claims}, "RS256")

    def _serve(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = self.folder / "server.toml"
        config.write_text(
            f"""public_url = "{self.url}"
[public]
listen = "{self.url.removeprefix("http://")}"
[admin]
socket = "run/admin.sock"
[store]
url = "sqlite:lake.db"
[keys]
encryption = {{ file = "kek" }}
[fetch]
allow = ["127.0.0.0/8"]
aws_sts = "{self.services}"
"""
        )
        server = self._stack.enter_context(Child("server", [self.world.binary, "server", "--config", config], self.folder, self._env()))
        deadline = time.monotonic() + 30
        while not ("ready" in server.errors() and self.url in server.errors()):
            if not server.running() or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not get ready:\n{server.errors()}")
            time.sleep(0.02)
        file = self.folder / "resources.yaml"
        file.write_text(documents(self.world.issuer.url))
        self.accredit("apply", "-f", str(file))

    def _run(self, command: list, env: dict) -> Ran:
        env = {**self._env(), "SPIRAL__SERVER__URL": self.url, "SPIRAL__TELEMETRY__ENABLED": "false", "COLUMNS": "200", **env}
        done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=120, cwd=self.folder)
        return Ran(done.returncode, done.stdout, done.stderr)

    def _env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder)}


def documents(issuer: str) -> str:
    audiences = [SPIRALS_AUDIENCE, MODALS_AUDIENCE]
    roles = [
        resource("Role", f"lake/{name}", {"api": "lake/tables", "permissions": permissions})
        for name, permissions in ROLE_PERMISSIONS.items()
    ]
    resources = [
        resource("Project", "lake", {}),
        resource("Provider", "platform", {"type": "oidc", "issuer": issuer, "audiences": audiences, "keys": {"discovery": {}}}),
        resource("Provider", "aws", {"type": "aws", "signedRequests": {"domainHeader": "x-spiral-domain"}}),
        resource("API", "lake/tables", {"audience": "https://tables.example.org", "permissions": ROLE_PERMISSIONS["editor"]}),
        *roles,
    ]
    return "".join(f"---\n{json.dumps(each)}\n" for each in resources)
