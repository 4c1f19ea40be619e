"""The running world of the suite: issuer, server, API, and the clients that cases start in it."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import certificates
import namespace
import resources
from cluster import Clusters
from parts import HERE, Parts
from process import Child
from spire import Spire
from subjects import REDIRECT, Issuer
from suite import Failed, expect

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"

# By language and major version; requirements.txt and node/package-lock.json have the exact ones. Version 6 for JavaScript
# stays beside version 7 because it treats short lifetimes and failing refreshes worse, and is in use.
SDKS = ["python", "javascript-6", "javascript-7"]


@dataclass(frozen=True)
class Answer:
    """An answer of the token endpoint."""

    status: int
    headers: dict
    body: dict


class World:
    """Everything that a case may touch. Use as a context manager; leaving it ends what it started.

    In a namespace of the run's own, server and API listen with TLS on port 443 under the names that the SDKs insist on.
    Elsewhere they listen on free loopback ports without TLS, and cases that need the names are left out.
    """

    def __init__(self, binary: Path, parts: Parts, folder: Path, *, namespaced: bool) -> None:
        self.binary, self.parts, self.folder, self.namespaced = binary, parts, folder, namespaced
        self.authority = folder / "ca.pem"
        self.socket = folder / "admin" / "admin.sock"
        self.seen_log = folder / "seen.jsonl"
        self._stack = ExitStack()
        self._sessions = 0

    def __enter__(self) -> "World":
        try:
            self._lay_out()
            self.issuer = self._start_issuer()
            self._start_server()
            self._apply()
            self.api_url = self._start_api()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    # === the server, as its users and its operator see it ===

    def exchange(self, form: dict[str, str]) -> Answer:
        """An exchange as RFC 8693 has it, a form; members beside the grant and the token's type are `form`'s."""
        body = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": JWT_TYPE, **form}
        request = urllib.request.Request(f"{self.server_url}/oauth/token", urllib.parse.urlencode(body).encode())
        status, headers, raw = self.open(request)
        return Answer(status, headers, json.loads(raw))

    def call_api(self, token: str, path: str = "/v1/models") -> int:
        """Calls the API without any SDK; returns the status."""
        url = urllib.parse.urljoin(self.api_url, path)
        return self.open(urllib.request.Request(url, headers={"authorization": f"Bearer {token}"}))[0]

    def open(self, request: urllib.request.Request) -> tuple[int, dict, bytes]:
        context = ssl.create_default_context(cafile=self.authority) if self.namespaced else None
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as response:
                return response.status, lower(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, lower(error.headers), error.read()

    def accredit(self, *arguments: str) -> str:
        """Runs a verb of the command line as the operator; returns its stdout."""
        return self.accredit_at(self.socket, *arguments)

    def accredit_at(self, socket: Path, *arguments: str) -> str:
        """The same as another server's operator."""
        command = [self.binary, *arguments, "--socket", socket]
        done = subprocess.run(command, capture_output=True, text=True, env=self._env(), stdin=subprocess.DEVNULL, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"accredit {' '.join(arguments)} exited {done.returncode}: {(done.stderr + done.stdout).strip()}")
        return done.stdout

    def remotely(self, home: Path, *arguments: str) -> subprocess.CompletedProcess:
        """Runs a verb as somebody whose logins lie in `home`."""
        command = [self.binary, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.env_of(home), stdin=subprocess.DEVNULL, timeout=60
        )

    def env_of(self, home: Path) -> dict[str, str]:
        return self._env() | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}

    def decision(self, decision: str) -> dict:
        return json.loads(self.accredit("decision", decision, "-o", "json"))

    def exchanges(self) -> set[str]:
        """The decisions of the latest exchanges, allowed and refused, off the audit log."""
        listed = json.loads(self.accredit("audit", "list", "-o", "json"))
        records = listed["records"] if isinstance(listed, dict) else listed
        return {record["id"] for record in records if record["event"] in ("exchange-allowed", "exchange-denied")}

    @contextmanager
    def expect_exchanges(self, count: int) -> Iterator[None]:
        """Holds when the block makes exactly so many exchanges, some perhaps still under way at its end."""
        before = self.exchanges()
        yield
        self.await_exchanges(before, count)
        time.sleep(0.3)  # one exchange too many would come now
        expect(len(self.exchanges() - before), count, "the number of exchanges in the audit log")

    def await_exchanges(self, before: set[str], count: int) -> None:
        """Waits until so many exchanges are in the audit log that were not before, or until that has taken too long."""
        deadline = time.monotonic() + 5
        while len(self.exchanges() - before) < count and time.monotonic() < deadline:
            time.sleep(0.1)

    # === what the API saw ===

    def seen(self) -> list[dict]:
        """What the API answered and which claims it saw, oldest first."""
        return [json.loads(line) for line in self.seen_log.read_text().splitlines()]

    # === clusters of Kubernetes ===

    @cached_property
    def clusters(self) -> Clusters:
        """Started when a case first asks for them."""
        return self._stack.enter_context(Clusters(self.parts.cluster, self.folder, self._env()))

    # === trust domains of SPIRE ===

    @cached_property
    def spire(self) -> Spire:
        """Started when a case first asks for it."""
        return self._stack.enter_context(Spire(self.parts.spire, self.folder, self._env()))

    # === clients ===

    @contextmanager
    def workload(
        self, sdk: str, account: str, subject_token: str, *, provider: str | None = None, env: dict | None = None, **options
    ) -> Iterator["Session"]:
        """An SDK with workload identity whose subject token lies in a file, ended by a newline as `echo` writes it."""
        file = self.file("subject-token", f"{subject_token}\n")
        identity = {"identityProvider": provider or resources.ACCOUNTS[account][0], "serviceAccount": account}
        options = {"tokenType": "jwt", **identity, **options, "subjectTokenFile": str(file)}
        with self._session(sdk, options, file, env or {}) as session:
            yield session

    @contextmanager
    def with_key(self, sdk: str, key_file: Path) -> Iterator["Session"]:
        """An SDK whose API key is a function that reads `key_file`."""
        with self._session(sdk, {"apiKeyFile": str(key_file), "baseUrl": self.api_url}, key_file, {}) as session:
            yield session

    @contextmanager
    def anthropic(self, sdk: str, token_file: Path, env: dict) -> Iterator["Session"]:
        """Anthropic's SDK for a language, told by `env` alone; a call's name is that of a model."""
        with self._session(f"anthropic-{sdk}", {}, token_file, env) as session:
            yield session

    def file(self, name: str, text: str) -> Path:
        self._sessions += 1
        path = self.folder / f"{name}-{self._sessions}"
        path.write_text(text)
        return path

    @contextmanager
    def _session(self, sdk: str, options: dict, token_file: Path, env: dict) -> Iterator["Session"]:
        program = {
            "python": [self.parts.python, HERE / "python" / "openai_sdk.py"],
            "javascript-6": ["node", self.folder / "node" / "openai_sdk.mjs", "openai-6"],
            "javascript-7": ["node", self.folder / "node" / "openai_sdk.mjs", "openai-7"],
            "anthropic-python": [self.parts.vendors, HERE / "python" / "anthropic_sdk.py"],
            "anthropic-javascript": ["node", self.folder / "node" / "anthropic_sdk.mjs"],
        }[sdk]
        self._sessions += 1
        with Child(f"{sdk}-{self._sessions}", [*program, json.dumps(options)], self.folder, self._env() | env) as child:
            if child.line() is None:
                raise Failed(f"{sdk} ended before its first call:\n{child.errors()}")
            yield Session(child, token_file)

    def run(self, program: str, env: dict[str, str]) -> subprocess.CompletedProcess:
        """Runs a program in Python, beside Microsoft's library, to its end."""
        command = [self.parts.vendors, "-c", program]
        trust = {"REQUESTS_CA_BUNDLE": str(self.authority)} if self.namespaced else {}
        return subprocess.run(
            command, capture_output=True, text=True, env=self._env() | trust | env, stdin=subprocess.DEVNULL, timeout=60
        )

    # === starting ===

    def _lay_out(self) -> None:
        shutil.copytree(HERE / "node", self.folder / "node", ignore=shutil.ignore_patterns("node_modules", "package*"))
        (self.folder / "node" / "node_modules").symlink_to(self.parts.node_modules)
        kek = self.folder / "kek"
        kek.write_bytes(b64encode(os.urandom(32)))
        kek.chmod(0o600)
        self.seen_log.touch()
        if self.namespaced:
            others = [*namespace.CLUSTERS.values(), *namespace.TRUST_DOMAINS.values(), namespace.DISCOVERY_PROVIDER]
            certificates.make(self.folder, namespace.SERVER_NAMES + namespace.API_NAMES + tuple(name for name, _ in others))
            certificates.make_upstream(self.folder)

    def _start_issuer(self) -> Issuer:
        options = {"audience": resources.PLATFORM_AUDIENCE, "redirectUri": REDIRECT, "people": resources.PEOPLE}
        started = self._start("issuer", ["node", "node/issuer.mjs", json.dumps(options)])
        return Issuer(url=started["issuer"], signer=started["signer"])

    def _start_server(self) -> None:
        if self.namespaced:
            self.server_url, listen = f"https://{namespace.SERVER_NAMES[0]}", f"{namespace.SERVER_ADDRESS}:443"
            authorities = f'ca = ["{self.authority}"]'
            files = f'certificate = "{self.folder}/upstream.pem", key = "{self.folder}/upstream.key"'
            upstream = f'[trust_domains."{resources.TRUST_DOMAIN}"]\nupstream = {{ {files} }}'
            bundles = f'[[federation]]\ntrust_domain = "{resources.TRUST_DOMAIN}"\nlisten = "{namespace.BUNDLE_ENDPOINT[1]}:443"'
            public = f'hosts = {json.dumps(namespace.SERVER_NAMES)}\ntls = {{ certificate = "{self.folder}/cert.pem", key = "{self.folder}/key.pem" }}'
        else:
            listen, public, authorities, upstream, bundles = f"127.0.0.1:{free_port()}", "", "", "", ""
            self.server_url = f"http://{listen}"
        self.admin_url = f"http://127.0.0.1:{free_port()}"
        config = self.folder / "server.toml"
        config.write_text(
            f"""public_url = "{self.server_url}"
[public]
listen = "{listen}"
{public}
[admin]
socket = "{self.socket}"
listen = "{self.admin_url.removeprefix("http://")}"
[store]
url = "sqlite:{self.folder}/accredit.db"
[keys]
encryption = {{ file = "{self.folder}/kek" }}
[fetch]
allow = ["127.0.0.0/8"]
{authorities}
{upstream}
{bundles}
"""
        )
        server = self._stack.enter_context(Child("server", [self.binary, "server", "--config", config], self.folder, self._env()))
        deadline = time.monotonic() + 30
        while not ("ready" in server.errors() and self.server_url in server.errors()):
            if not server.running() or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not get ready:\n{server.errors()}")
            time.sleep(0.02)

    def _apply(self) -> None:
        jwks_url = f"{self.issuer.url}/jwks"
        file = self.file("resources.yaml", resources.documents(self.issuer.url, jwks_url, self.issuer.jwks()))
        self.accredit("apply", "-f", str(file))

    def _start_api(self) -> str:
        options = {"issuer": self.server_url, "audience": resources.API_AUDIENCE, "log": str(self.seen_log)}
        if self.namespaced:
            tls = {"certificate": str(self.folder / "cert.pem"), "key": str(self.folder / "key.pem")}
            options |= {"address": namespace.API_ADDRESS, "port": 443, **tls}
        else:
            options |= {"address": "127.0.0.1", "port": 0}
        port = self._start("api", ["node", "node/api.mjs", json.dumps(options)])["port"]
        return "https://llm.example.org/v1" if self.namespaced else f"http://127.0.0.1:{port}/v1"

    def _start(self, name: str, command: list) -> dict:
        child = self._stack.enter_context(Child(name, command, self.folder, self._env()))
        started = child.line()
        if started is None:
            raise RuntimeError(f"{name} ended at once:\n{child.errors()}")
        return started

    def _env(self) -> dict[str, str]:
        """Nothing of the caller's surroundings but PATH: no proxies, no keys, no settings of the SDKs."""
        trust = {"SSL_CERT_FILE": str(self.authority), "NODE_EXTRA_CA_CERTS": str(self.authority)} if self.namespaced else {}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **trust}


class Session:
    """A running SDK."""

    def __init__(self, child: Child, token_file: Path) -> None:
        self._child, self._token_file = child, token_file

    def call(self, name: str = "models") -> dict | None:
        """Makes a call; what came of it, or `None` when the process is gone."""
        self._child.send(name)
        return self._child.line()

    def expect_ok(self, name: str = "models") -> None:
        expect(self.call(name), {"ok": True}, f"the call `{name}`")

    def token(self, text: str) -> None:
        """Replaces what is in the token's file, in one step."""
        fresh = self._token_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._token_file)

    def send(self, name: str = "models") -> None:
        """Makes a call without waiting for what comes of it."""
        self._child.send(name)

    def end(self) -> int:
        """Lets it come to its own end; returns its exit code."""
        return self._child.end()

    def wait(self) -> int:
        """Waits for its end without asking for it; returns its exit code."""
        return self._child.wait()

    def errors(self) -> str:
        return self._child.errors()


def lower(headers) -> dict:
    return {name.lower(): value for name, value in headers.items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
