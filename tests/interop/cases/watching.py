"""Whoever watches: OpenTelemetry's collector takes the traces, Prometheus' own tool judges the page, the rules and their tests."""

import re
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from cases.admin_api import server
from parts import HERE
from process import Child
from suite import Failed, case, expect, expect_match, expect_true
from world import World

RULES = HERE.parents[1] / "deploy" / "prometheus"
# A trace that a caller began (the example of W3C's recommendation).
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{debug: {{verbosity: detailed}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""


@case("watching/collector", needs=("collector",))
def collector(world: World) -> None:
    """Spans of an act of administration, as the collector itself understood them."""
    folder = world.folder / "watching"
    folder.mkdir(exist_ok=True)
    port = free_port()
    (folder / "collector.yaml").write_text(CONFIG.format(port=port))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    with Child("otelcol", [world.parts.collector / "collector", "--config", folder / "collector.yaml"], folder, env) as running:
        wait(lambda: "Everything is ready" in running.errors(), "the collector", running)
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_TRACES_SAMPLER": "always_on"}
        (folder / "server").mkdir(exist_ok=True)
        with server(world, folder / "server", traced | {"OTEL_BSP_SCHEDULE_DELAY": "50"}) as (url, _):
            request = urllib.request.Request(f"{url}/v1/status", headers={"traceparent": CALLER})
            urllib.request.urlopen(request, timeout=10).close()
            wait(lambda: "GET /v1/status" in running.errors(), "the span", running)
            said = running.errors()
    for pattern in (
        r"Trace ID +: 4bf92f3577b34da6a3ce929d0e0e4736",
        r"Parent ID +: 00f067aa0ba902b7",
        r"Name +: GET /v1/status",
        r"Kind +: Server",
        r"-> service\.name: Str\(accredit\)",
        r"-> http\.route: Str\(/v1/status\)",
        r"-> http\.response\.status_code: Int\(200\)",
        r"InstrumentationScope accredit-server",
    ):
        expect_match(said, pattern, "what the collector printed")
    began, ended = re.search(r"Start time +: (.+ UTC)\n +End time +: (.+ UTC)", said).groups()
    expect_true(began.startswith("20") and began < ended, f"a span from {began} to {ended}")


@case("watching/rules", needs=("prometheus",))
def rules(world: World) -> None:
    promtool = world.parts.prometheus / "promtool"
    run([promtool, "check", "rules", RULES / "accredit-rules.yaml"])
    run([promtool, "test", "rules", RULES / "accredit-rules-test.yaml"])


@case("watching/page", needs=("prometheus",))
def page(world: World) -> None:
    """Prometheus' parser and linter on the page of a server that runs."""
    folder = world.folder / "page"
    folder.mkdir()
    with server(world, folder) as (url, _):
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            text = answer.read()
    judged = subprocess.run([world.parts.prometheus / "promtool", "check", "metrics"], input=text, capture_output=True)
    expect((judged.returncode, judged.stderr.decode()), (0, ""), "what promtool says of the page")


def run(command: list) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=RULES)
    if done.returncode != 0:
        raise Failed(f"{command[1:3]}: {done.stdout[-4000:]}{done.stderr[-4000:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait(done, what: str, running: Child) -> None:
    deadline = time.monotonic() + 30
    while not done():
        if not running.running() or time.monotonic() > deadline:
            raise Failed(f"{what} did not come:\n{running.errors()[-4000:]}")
        time.sleep(0.05)
