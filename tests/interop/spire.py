"""Two trust domains that are SPIRE's: a server each; for one of them an agent that attests processes here, and who publishes its
keys as an OpenID provider does."""

import json
import secrets
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from namespace import DISCOVERY_PROVIDER, TRUST_DOMAINS
from process import Child

NODE = "/node"
WORKER = "/ns/ml/sa/worker"
# name: (the `iss` of its JWT-SVIDs, what they are signed with, how its bundle endpoint proves itself)
KINDS = {
    "north": (f"https://{DISCOVERY_PROVIDER[0]}", "ec-p256", "https_web"),
    "south": (None, "rsa-2048", "https_spiffe"),
}
READY_WITHIN = 60


class Spire:
    """Use as a context manager; `spire["north"]` is an authority, `spire.workload` whoever asks the agent of `north`, `spire.worker`
    the entry that says who that is."""

    def __init__(self, programs: Path, folder: Path, env: dict[str, str]) -> None:
        self.programs, self.folder, self._env = programs, folder / "spire", env
        self._stack = ExitStack()

    def __enter__(self) -> "Spire":
        try:
            self.folder.mkdir()
            # All at once: none needs another to begin.
            self._authorities = {name: self._start_server(name) for name in KINDS}
            for authority in self._authorities.values():
                authority.await_ready()
            north = self["north"]
            self.workload = self._start_agent(north)
            self._start_discovery_provider(north)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> "Authority":
        return self._authorities[name]

    def _start_server(self, name: str) -> "Authority":
        issuer, key_type, profile = KINDS[name]
        host, address = TRUST_DOMAINS[name]
        folder = self.folder / name
        folder.mkdir()
        files = f"""serving_cert_file {{
                cert_file_path = "{self.folder.parent}/cert.pem"
                key_file_path = "{self.folder.parent}/key.pem"
                file_sync_interval = "1h"
            }}"""
        config = folder / "server.conf"
        config.write_text(
            f"""server {{
    trust_domain = "{host}"
    bind_address = "{address}"
    bind_port = "8081"
    socket_path = "{folder}/server.sock"
    data_dir = "{folder}"
    log_level = "INFO"
    jwt_key_type = "{key_type}"
    {f'jwt_issuer = "{issuer}"' if issuer else ""}
    federation {{
        bundle_endpoint {{
            address = "{address}"
            port = 443
            refresh_hint = "1m"
            profile "{profile}" {{ {files if profile == "https_web" else ""} }}
        }}
    }}
    experimental {{ cache_reload_interval = "500ms" }}
}}
plugins {{
    DataStore "sql" {{ plugin_data {{ database_type = "sqlite3" connection_string = "{folder}/datastore.sqlite3" }} }}
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
"""
        )
        child = Child(f"spire-{name}", [self.programs / "spire-server", "run", "-config", config], self.folder, self._env)
        self._stack.enter_context(child)
        return Authority(host, folder / "server.sock", self.programs / "spire-server", child, self._env)

    def _start_agent(self, authority: "Authority") -> "Workload":
        """An agent, and an entry by which this run's processes are the worker."""
        folder = self.folder / "agent"
        folder.mkdir()
        (folder / "bootstrap.pem").write_text(authority.run("bundle", "show"))
        token = authority.ask("token", "generate", "-spiffeID", authority.id(NODE))["value"]
        _, address = TRUST_DOMAINS["north"]
        config = folder / "agent.conf"
        config.write_text(
            f"""agent {{
    trust_domain = "{authority.trust_domain}"
    server_address = "{address}"
    server_port = "8081"
    socket_path = "{folder}/agent.sock"
    data_dir = "{folder}"
    log_level = "INFO"
    trust_bundle_path = "{folder}/bootstrap.pem"
    join_token = "{token}"
    experimental {{ sync_interval = "500ms" }}
}}
plugins {{
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"""
        )
        self.worker = authority.register(WORKER)
        child = Child("spire-agent", [self.programs / "spire-agent", "run", "-config", config], self.folder, self._env)
        self._stack.enter_context(child)
        workload = Workload(folder / "agent.sock", self.programs / "spire-agent", child, self._env)
        workload.await_ready()
        return workload

    def _start_discovery_provider(self, authority: "Authority") -> None:
        host, address = DISCOVERY_PROVIDER
        config = self.folder / "discovery.conf"
        config.write_text(
            f"""log_level = "INFO"
domains = ["{host}"]
serving_cert_file {{ addr = "{address}:443" cert_file_path = "{self.folder.parent}/cert.pem" key_file_path = "{self.folder.parent}/key.pem" }}
server_api {{ address = "unix://{authority.socket}" poll_interval = "1s" }}
"""
        )
        program = self.programs / "oidc-discovery-provider"
        child = Child("spire-discovery", [program, "-config", config], self.folder, self._env)
        self._stack.enter_context(child)
        await_that(child, lambda: curl(f"https://{host}/keys", self._env).returncode == 0)


class Program:
    """One of SPIRE's command lines, which speaks to a socket."""

    def __init__(self, socket: Path, program: Path, child: Child, env: dict[str, str]) -> None:
        self.socket, self._program, self._child, self._env = socket, program, child, env

    def run(self, *arguments: str) -> str:
        done = self._try(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"{self._program.name} {' '.join(arguments)} exited {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def ask(self, *arguments: str):
        return json.loads(self.run(*arguments, "-output", "json"))

    def await_ready(self) -> None:
        await_that(self._child, lambda: self.socket.exists() and self._try("healthcheck").returncode == 0)

    def _try(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [self._program, *arguments, "-socketPath", self.socket]
        return subprocess.run(command, capture_output=True, text=True, env=self._env, stdin=subprocess.DEVNULL, timeout=30)


class Authority(Program):
    """A server of a trust domain, as its administrator has it."""

    def __init__(self, trust_domain: str, socket: Path, program: Path, child: Child, env: dict[str, str]) -> None:
        super().__init__(socket, program, child, env)
        self.trust_domain = trust_domain

    def id(self, path: str = "") -> str:
        return f"spiffe://{self.trust_domain}{path}"

    def register(self, path: str) -> str:
        """Whatever runs here as root, which this run is at least in its own namespace, is this; returns the entry's id."""
        return self.ask("entry", "create", *self._entry(path))["results"][0]["entry"]["id"]

    def hand_on(self, entry: str, path: str, of: str) -> None:
        """The entry's workloads get the bundle of another trust domain too."""
        self.run("entry", "update", "-entryID", entry, *self._entry(path), "-federatesWith", f"spiffe://{of}")

    def _entry(self, path: str) -> tuple[str, ...]:
        return ("-parentID", self.id(NODE), "-spiffeID", self.id(path), "-selector", "unix:uid:0")

    def jwt_svid(self, audience: str, path: str = WORKER, ttl: str = "5m") -> str:
        return self.run("jwt", "mint", "-spiffeID", self.id(path), "-audience", audience, "-ttl", ttl).strip()

    def bundle(self, of: str | None = None) -> dict:
        """Its own SPIFFE bundle, or that of a trust domain that it federates with."""
        listed = ("list", "-id", f"spiffe://{of}") if of else ("show",)
        return json.loads(self.run("bundle", *listed, "-format", "spiffe"))

    def refresh(self, of: str) -> None:
        """Fetches the bundle of a trust domain that it federates with, whose endpoint may have begun only now."""
        await_that(self._child, lambda: self._try("federation", "refresh", "-id", f"spiffe://{of}").returncode == 0)

    def rotate(self, kind: str) -> str:
        """Signs with the prepared key from now on, of those for `jwt` or `x509`; returns which one it signs with no longer."""
        shown = self.ask("localauthority", kind, "show")
        self.run("localauthority", kind, "activate", "-authorityID", shown["prepared"]["authority_id"])
        return shown["active"]["authority_id"]

    def prepare(self, kind: str) -> None:
        """Publishes a key that it will sign with."""
        self.run("localauthority", kind, "prepare")

    def revoke(self, kind: str, key: str) -> None:
        """Takes a key that it signs with no longer out of its bundle."""
        for verb in ("taint", "revoke"):
            self.run("localauthority", kind, verb, "-authorityID", key)


class Workload(Program):
    """A process that asks the agent's Workload API."""

    def jwt_svid(self, audience: str) -> str:
        return self.ask("api", "fetch", "jwt", "-audience", audience)[0]["svids"][0]["svid"]

    def judged(self, token: str, audience: str) -> dict:
        """What the agent says of a JWT-SVID: whose it is, or why it counts for nothing."""
        done = self._try("api", "validate", "jwt", "-audience", audience, "-svid", token, "-output", "json")
        return {"id": json.loads(done.stdout)["spiffe_id"]} if done.returncode == 0 else {"refused": done.stderr or done.stdout}

    def x509_svid(self, folder: Path) -> tuple[Path, Path, Path]:
        """Chain, key and bundle of its X509-SVID, as files of PEM."""
        folder = folder / f"svid-{secrets.token_hex(4)}"
        folder.mkdir()
        self.run("api", "fetch", "x509", "-write", str(folder))
        return folder / "svid.0.pem", folder / "svid.0.key", folder / "bundle.0.pem"

    def await_ready(self) -> None:
        """Also until the entry has come down to the agent."""
        await_that(self._child, lambda: self.socket.exists() and self._try("api", "fetch", "jwt", "-audience", "any").returncode == 0)


def await_that(child: Child, is_so) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not is_so():
        if not child.running() or time.monotonic() > deadline:
            said = "\n".join([*child.texts()[-15:], child.errors()[-3000:]])
            raise RuntimeError(f"{child.name} did not get ready:\n{said}")
        time.sleep(0.1)


def curl(url: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    command = ["curl", "--silent", "--fail", "--cacert", env["SSL_CERT_FILE"], url]
    return subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=30)
