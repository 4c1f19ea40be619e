"""Anthropic's SDK for Python, told by its environment alone: it exchanges at the URL that it calls."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request

from resources import account_id, mapping_id
from suite import case, expect, expect_match, expect_true
from world import World

CALL = """
import anthropic
client = anthropic.Anthropic(max_retries=0)
message = {"role": "user", "content": "hello"}
try:
    for _ in range(3):
        print(client.messages.create(model="m", max_tokens=5, messages=[message]).content[0].text)
except anthropic.AnthropicError as error:
    print(type(error).__name__, error)
"""
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@case("anthropic/{more}", needs=(), more=["rule", "service-account"])
def calls(world: World, more: str) -> None:
    """A rule is a mapping's id. One exchange serves all calls, and the API knows the account."""
    account = "ci/batch-60m"
    named = {"ANTHROPIC_SERVICE_ACCOUNT_ID": account_id(account), "ANTHROPIC_WORKSPACE_ID": "default"}
    with gateway(world) as url, world.expect_exchanges(1):
        ran = world.run(CALL, environment(world, url, mapping_id(account)) | (named if more == "service-account" else {}))
    expect(ran.stdout.split(), ["hello"] * 3, f"what it printed (it said {ran.stderr[-600:]!r})")
    expect(world.seen()[-1]["claims"]["sub"], account_id(account), "sub")


@case("anthropic/refused", needs=())
def refused(world: World) -> None:
    """A rule that does not exist and one that leads elsewhere look alike; the operator is told which it was."""
    with gateway(world) as url:
        unknown = world.run(CALL, environment(world, url, f"map_{999:026d}")).stdout
        elsewhere = world.run(CALL, environment(world, url, mapping_id("ci/web"))).stdout
        malformed = world.run(CALL, environment(world, url, "fdrl_1")).stdout
    expect_match(unknown, "invalid_grant", "the refusal of an unknown rule")
    decision = expect_match(unknown, "dec_[0-9a-f]{32}", "the refusal of an unknown rule")
    expect(world.decision(decision)["reason"], "mapping-unknown", "what the operator is told")
    other = expect_match(elsewhere, "dec_[0-9a-f]{32}", "the refusal of another rule")
    expect_true(unknown.replace(decision, "") == elsewhere.replace(other, ""), f"{unknown!r} differs from {elsewhere!r}")
    expect_match(malformed, "invalid_request", "the refusal of what is no id")


def environment(world: World, url: str, rule: str) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_FEDERATION_RULE_ID": rule,
        "ANTHROPIC_ORGANIZATION_ID": "00000000-0000-0000-0000-000000000000",
        "ANTHROPIC_IDENTITY_TOKEN_FILE": str(world.file("subject-token", f"{world.issuer.client_credentials()}\n")),
    }


@contextmanager
def gateway(world: World) -> Iterator[str]:
    """A gateway as one would set up: the token endpoint leads to the server, calls are checked by the API."""

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/oauth/token":
                kind = {"content-type": self.headers["content-type"]}
                status, headers, body = world.open(Request(world.server_url + self.path, body, kind))
                return self.reply(status, body, headers["request-id"])
            status = world.call_api(self.headers["authorization"].removeprefix("Bearer "))
            self.reply(status, json.dumps(MESSAGE).encode(), "req_1")

        def reply(self, status: int, body: bytes, request_id: str) -> None:
            self.send_response(status)
            for name, value in [("content-type", "application/json"), ("request-id", request_id), ("content-length", len(body))]:
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
