"""The dashboard by Grafana's own schema, and with the alert rules in Prometheus itself, which reads the page of a server that
something happens to."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cases.watching import RULES, free_port, wait
from parts import HERE
from process import Child
from resources import AUDIENCE, provider, resource
from suite import Failed, case, expect, expect_true
from world import World

DASHBOARD = HERE.parents[1] / "deploy" / "grafana" / "accredit.json"
# What Grafana writes in place of its variables, for somebody who looks at everything.
VARIABLES = {"$__rate_interval": "3s", "$job": ".+", "$instance": ".+", "$provider": ".+"}
JOBS = "https://svid.example.org"
# Issuers whose keys nobody has, and whose keys are too weak in part.
GONE, WEAK = "https://gone.example", "https://weak.example"

CONFIG = """public_url = "http://127.0.0.1:{public}"
[public]
listen = "127.0.0.1:{public}"
[admin]
socket = "{folder}/admin/admin.sock"
[store]
url = "sqlite:{folder}/accredit.db"
[keys]
encryption = {{ file = "{folder}/kek" }}
[fetch]
allow = ["127.0.0.0/8"]
[metrics]
listen = "127.0.0.1:{metrics}"
[audit]
export = [{{ to = "http", name = "siem", url = "http://127.0.0.1:{neighbour}/refuses" }}]
"""
SCRAPES = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: ["{rules}"]
scrape_configs:
  - {{job_name: accredit, static_configs: [{{targets: ["127.0.0.1:{metrics}"]}}]}}
  - {{job_name: another, static_configs: [{{targets: ["127.0.0.1:{prometheus}"]}}]}}
"""
# What no version of Grafana would take: a word that there is not, an option of another kind of panel, something of no type.
BROKEN = [("stat", "options", "graphMode", "lines"), ("table", "options", "legend", {}), ("timeseries", "gridPos", "w", "wide")]


@case("dashboard/schema", needs=())
def by_schema(world: World) -> None:
    """The dashboard is of the types that Grafana publishes of its dashboards and panels, and a broken one is not."""
    dashboard = json.loads(DASHBOARD.read_text())
    typed(world, dashboard, "dashboard")
    for kind, part, name, value in BROKEN:
        broken = json.loads(DASHBOARD.read_text())
        panel = next(panel for panel in broken["panels"] if panel["type"] == kind)
        panel[part][name] = value
        try:
            typed(world, {**broken, "panels": [panel]}, f"broken-{kind}")
        except Failed:
            continue
        raise Failed(f"{kind} with {part}.{name} = {value!r} is taken")


def typed(world: World, dashboard: dict, name: str) -> None:
    folder = world.folder / "node"
    source = f'import type {{ Dashboard }} from "./grafana.d.ts";\nexport const dashboard: Dashboard = {json.dumps(dashboard, indent=1)};\n'
    (folder / f"{name}.ts").write_text(source)
    tsc = ["node", folder / "node_modules" / "typescript" / "bin" / "tsc", *TSC, f"{name}.ts"]
    done = subprocess.run(tsc, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(done.stdout[-4000:] + done.stderr[-4000:])


TSC = ["--noEmit", "--strict", "--skipLibCheck", "--allowImportingTsExtensions", "--module", "esnext", "--moduleResolution", "bundler"]


@case("dashboard/panels", needs=("prometheus",))
def panels(world: World) -> None:
    """Every query of every panel finds something; every rule can be evaluated; what Grafana lists has the server and its providers."""
    with watched(world) as ask:
        queries = list(asked())
        expect_true(len(queries) > 45, f"only {len(queries)} queries were found")
        lacking, deadline = queries, time.monotonic() + 30
        while lacking and time.monotonic() < deadline:
            time.sleep(0.5)
            lacking = [(title, query) for title, query in lacking if not ask.finds(query)]
        if lacking:
            raise Failed("\n".join(["nothing comes of:", *(f"  {title}: {query}" for title, query in lacking)]))
        expect(ask.finds("accredit_no_such_metric"), False, "what is found of a metric that there is not")
        foreign = [title for title, query in queries if any(of["metric"].get("job") == "another" for of in ask.get("query", query=query)["result"])]
        expect(foreign, [], "panels that show what is no server of ours")

        expect(ask.values("job", "accredit_build_info"), ["accredit"], "the jobs")
        of_instance = ask.values("instance", "accredit_build_info")
        expect(len(of_instance), 1, f"the number of servers in {of_instance}")
        expect_true({"github", "gone", "weak"} <= set(ask.values("provider", "accredit_exchanges_total")), "providers are not listed")

        rules = [rule for group in ask.get("rules")["groups"] for rule in group["rules"]]
        expect_true(len(rules) > 15, f"only {len(rules)} rules were loaded")
        expect([rule["name"] for rule in rules if rule["health"] != "ok"], [], "rules that cannot be evaluated")
        # What is wrong with this server is waited for before anybody is called.
        expect({rule["name"] for rule in rules if rule["state"] == "firing"}, set(), "alerts that fire at once")
        pending = {rule["name"] for rule in rules if rule["state"] == "pending"}
        expect_true({"AccreditProviderKeysStale", "AccreditProviderKeysMissing", "AccreditAuditExportLag"} <= pending, f"only {pending} are pending")


def asked() -> Iterator[tuple[str, str]]:
    """The queries of the panels, by title."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            yield panel["title"], query


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> dict:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise Failed(f"{parameters or path}: {error.read().decode()}") from None

    def finds(self, query: str) -> bool:
        """Whether there is a number now."""
        return any(sample["value"][1] != "NaN" for sample in self.get("query", query=query)["result"])

    def values(self, label: str, metric: str) -> list[str]:
        """What Grafana's `label_values(METRIC, LABEL)` lists."""
        return self.get(f"label/{label}/values", **{"match[]": metric})


# === what is watched ===


@contextmanager
def watched(world: World) -> Iterator[Prometheus]:
    """A server to which everything happens that a panel shows, and Prometheus beside it."""
    folder = world.folder / "dashboard"
    (folder / "admin").mkdir(parents=True, mode=0o700)
    with neighbour(world) as port:
        public, metrics, prometheus = free_port(), free_port(), free_port()
        (folder / "server.toml").write_text(CONFIG.format(folder=folder, public=public, metrics=metrics, neighbour=port))
        (folder / "kek").write_bytes(b64encode(os.urandom(32)))
        (folder / "kek").chmod(0o600)
        (folder / "prometheus.yaml").write_text(SCRAPES.format(rules=RULES / "accredit-rules.yaml", metrics=metrics, prometheus=prometheus))
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_TRACES_SAMPLER": "always_on"}
        env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OTEL_BSP_SCHEDULE_DELAY": "50"} | traced
        command = [world.binary, "server", "--config", folder / "server.toml"]
        scraper = [world.parts.prometheus / "prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
        scraper.append(f"--web.listen-address=127.0.0.1:{prometheus}")
        with Child("server", command, folder, env) as server:
            wait(lambda: "server ready" in server.errors(), "the server", server)
            apply(world, folder, port)
            with Child("prometheus", scraper, folder, {"PATH": "/usr/bin:/bin", "HOME": str(folder)}) as running:
                wait(lambda: "ready to receive web requests" in running.errors(), "Prometheus", running)
                with load(world, f"http://127.0.0.1:{public}"):
                    yield Prometheus(f"http://127.0.0.1:{prometheus}")


def apply(world: World, folder: Path, neighbour: int) -> None:
    keys, held = {"uploaded": world.issuer.jwks()}, {"spiffeBundle": {"url": f"http://127.0.0.1:{neighbour}/bundle"}}
    away = {"trustDomain": "example.org", "foreignTrustDomain": "gone.example", "url": "https://127.0.0.1:1/", "profile": "https_web"}
    match = {"repository_id": "123", "repository_owner_id": "98", "ref": "refs/heads/main"}
    attestation = {"issuer": world.issuer.url, "type": "github", "audiences": [JOBS], "requiredClaims": {"repository_id": "123", "repository_owner_id": "98"}}
    config = [
        ("WorkloadAttestation", {"jwt": {"enabled": True, "allowedIssuers": [attestation]}}),
        ("SVIDIssuancePolicy", {"policy": {"pathTemplate": "/{{cluster.name}}/ref/{{jwt.claim.ref}}"}}),
    ]
    sections = [{"section": name, "schema": "v1", "spec": spec} for name, spec in config]
    told = [
        resource("Project", "ci", {}),
        resource("API", "ci/api", {"audience": "https://api.example.org", "permissions": ["read"]}),
        resource("ServiceAccount", "ci/web", {}),
        resource("Grant", "ci/web", {"api": "ci/api", "permissions": ["read"], "to": "ci/web"}),
        provider("github", "github", world.issuer.url, AUDIENCE, {"discovery": {}}),
        provider("gone", "oidc", GONE, AUDIENCE, {"jwksUrl": "http://127.0.0.1:1/jwks"}),
        provider("weak", "oidc", WEAK, AUDIENCE, {"jwksUrl": f"http://127.0.0.1:{neighbour}/jwks"}),
        resource("Provider", "partner", {"type": "spiffe", "trustDomain": "partner.example", "audiences": [AUDIENCE], "keys": held}),
        provider("uploaded", "oidc", "https://uploaded.example", AUDIENCE, keys),
        resource("Mapping", "ci/web", {"provider": "github", "serviceAccount": "ci/web", "match": match}),
        resource("TrustDomain", "example.org", {}),
        resource("Federation", "gone", away),
        resource("Cluster", "build", {"trustDomain": "example.org", "config": sections}),
    ]
    file = folder / "resources.yaml"
    file.write_text("".join(f"---\n{json.dumps(each)}\n" for each in told))
    world.accredit_at(folder / "admin" / "admin.sock", "apply", "-f", str(file))


@contextmanager
def load(world: World, url: str) -> Iterator[None]:
    """Requests that are allowed and refused, of every kind that a panel tells apart, until the block ends."""
    over = threading.Event()

    def exchange(token: str) -> None:
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        post("/oauth/token", urllib.parse.urlencode({**form, "subject_token": token}).encode(), "application/x-www-form-urlencoded")

    def svid(token: str) -> None:
        body = {"cluster": "build", "token": token, "svids": [{"type": "jwt", "audience": ["https://work.example.org"]}]}
        post("/v1/svid", json.dumps(body).encode(), "application/json")

    def post(path: str, body: bytes, kind: str) -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url + path, body, {"content-type": kind}), timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()

    def run() -> None:
        issuer, now = world.issuer, int(time.time())
        foreign = {"aud": AUDIENCE, "sub": "batch", "iat": now, "exp": now + 300}
        while not over.wait(0.1):
            exchange(issuer.github())
            exchange(issuer.github(ref="refs/heads/other"))
            exchange("rubbish")
            for of in (GONE, WEAK):
                exchange(issuer.sign({**foreign, "iss": of, "jti": os.urandom(8).hex()}, "RS256"))
            svid(issuer.github(audience=JOBS))
            svid(issuer.github())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(15)


@contextmanager
def neighbour(world: World) -> Iterator[int]:
    """Somebody who takes traces, refuses the audit log, and shows a bundle, and a key set with a key that is too weak."""
    weak = {"kty": "RSA", "kid": "weak", "alg": "RS256", "use": "sig", "e": "AQAB", "n": urlsafe_b64encode(b"\xc1" * 128).decode().rstrip("=")}
    good = world.issuer.jwks()["keys"]
    bundle = {"spiffe_sequence": 1, "spiffe_refresh_hint": 60, "keys": [{**key, "use": "jwt-svid"} for key in good]}
    shown = {"/jwks": {"keys": [*good, weak]}, "/bundle": bundle}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, json.dumps(shown[self.path]).encode(), "application/json")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(403 if self.path == "/refuses" else 200, b"", "application/x-protobuf")

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
