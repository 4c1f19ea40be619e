"""Anthropic's SDKs, told by their environment or a profile: they exchange at the URL that they call."""

import json
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request

from resources import account_id, mapping_id
from suite import case, expect, expect_match, expect_true
from world import Session, World

SDKS = ["python", "javascript"]
ORGANIZATION = "00000000-0000-0000-0000-000000000000"
HELLO = {"ok": True, "said": "hello"}
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


@case("anthropic/{sdk}-{more}", needs=(), sdk=SDKS, more=["rule", "service-account"])
def calls(world: World, sdk: str, more: str) -> None:
    """A rule is a mapping's id. One exchange serves all calls, and the API knows the account."""
    account = "ci/batch-60m"
    named = {"ANTHROPIC_SERVICE_ACCOUNT_ID": account_id(account), "ANTHROPIC_WORKSPACE_ID": "default"}
    env = named if more == "service-account" else {}
    with gateway(world) as url, client(world, sdk, url, account, env) as session, world.expect_exchanges(1):
        for _ in range(3):
            expect(session.call(), HELLO, "a call")
        expect(session.end(), 0, "exit code")
    expect(world.seen()[-1]["claims"]["sub"], account_id(account), "sub")


@case("anthropic/{sdk}-profile", needs=(), sdk=SDKS)
def profile(world: World, sdk: str) -> None:
    """A profile on disk keeps the token in a file of its owner's, so that one exchange serves several processes."""
    token = world.file("subject-token", f"{world.issuer.client_credentials()}\n")
    with gateway(world) as url:
        folder = world.folder / f"anthropic-{sdk}"
        (folder / "configs").mkdir(parents=True)
        rule = {"type": "oidc_federation", "federation_rule_id": mapping_id("ci/batch-60m")}
        authentication = {**rule, "identity_token": {"source": "file", "path": str(token)}}
        config = {"base_url": url, "organization_id": ORGANIZATION, "authentication": authentication}
        (folder / "configs" / "ci.json").write_text(json.dumps(config))
        env = {"ANTHROPIC_CONFIG_DIR": str(folder), "ANTHROPIC_PROFILE": "ci"}
        with world.expect_exchanges(1):
            for _ in range(2):
                with world.anthropic(sdk, token, env) as session:
                    expect(session.call(), HELLO, "a call")
                    expect(session.end(), 0, "exit code")
        kept = folder / "credentials" / "ci.json"
        expect(oct(stat.S_IMODE(kept.stat().st_mode)), "0o600", "the mode of the file with the token")


@case("anthropic/{sdk}-refresh", needs=(), sdk=SDKS)
def refresh(world: World, sdk: str) -> None:
    """With less than two minutes left a call exchanges again and goes on when that is refused; with less than half a minute
    left the refusal is the call's own."""
    good, bad = world.issuer.platform(seconds=100), world.issuer.platform(sub="nobody")
    with gateway(world) as url, client(world, sdk, url, "ci/batch", subject=good) as session:
        with world.expect_exchanges(2):
            for _ in range(2):
                expect(session.call(), HELLO, "a call")
        session.token(bad)
        with world.expect_exchanges(1):
            expect(session.call(), HELLO, "a call whose early refresh is refused")
            expect(session.call(), HELLO, "a call within five seconds of that")
        expect(session.end(), 0, "exit code")
    with gateway(world) as url, client(world, sdk, url, "ci/batch", subject=world.issuer.platform(seconds=20)) as session:
        with world.expect_exchanges(2):
            for _ in range(2):
                expect(session.call(), HELLO, "a call")
        session.token(bad)
        decision(world, session.call(), "no-mapping-matched")
        session.token(world.issuer.client_credentials())
        expect(session.call(), HELLO, "a call with a good token again")
        expect(session.end(), 0, "exit code")


@case("anthropic/{sdk}-401", needs=(), sdk=SDKS)
def refused_by_the_api(world: World, sdk: str) -> None:
    """An access token that the API refuses is exchanged anew, once, and the call made again."""
    with gateway(world) as url, client(world, sdk, url, "ci/batch-60m") as session, world.expect_exchanges(2):
        expect(session.call(), HELLO, "a call")
        expect(session.call("refused-once"), HELLO, "a call that the API refuses once")
        expect(session.end(), 0, "exit code")


@case("anthropic/{sdk}-refused", needs=(), sdk=SDKS)
def refused(world: World, sdk: str) -> None:
    """A rule that does not exist and one that leads elsewhere look alike; the operator is told which it was."""
    told = {}
    with gateway(world) as url:
        for name, rule in {"unknown": f"map_{999:026d}", "elsewhere": mapping_id("ci/web"), "malformed": "fdrl_1"}.items():
            with client(world, sdk, url, "", {"ANTHROPIC_FEDERATION_RULE_ID": rule}) as session, world.expect_exchanges(name != "malformed"):
                told[name] = session.call()
                expect(session.end(), 0, "exit code")
                expect_match(session.errors(), "dec_[0-9a-f]{32}", "what was printed")
    expect_match(told["unknown"]["message"], "invalid_grant", "the refusal of an unknown rule")
    decision(world, told["unknown"], "mapping-unknown")
    alike = [re.sub("dec_[0-9a-f]{32}", "dec", told[name]["message"]) for name in ("unknown", "elsewhere")]
    expect(alike[0], alike[1], "the refusal of an unknown rule, beside that of another one")
    expect_match(told["malformed"]["message"], "invalid_request.*federation_rule_id", "the refusal of what is no id")


def decision(world: World, told: dict, reason: str) -> None:
    """Holds when a call was refused, for what it and the operator were told."""
    expect((told["ok"], told["status"]), (False, 400), f"the refusal {told}")
    expect_match(told["message"], told["requestId"], "the message")
    judged = world.decision(told["requestId"])
    expect((judged["verdict"], judged["reason"]), ("deny", reason), "what the operator is told")


@contextmanager
def client(
    world: World, sdk: str, url: str, account: str, more: dict | None = None, *, subject: str | None = None
) -> Iterator[Session]:
    """A client whose identity token lies in a file, ended by a newline as `echo` writes it."""
    file = world.file("subject-token", f"{subject or world.issuer.client_credentials()}\n")
    env = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_ORGANIZATION_ID": ORGANIZATION,
        "ANTHROPIC_IDENTITY_TOKEN_FILE": str(file),
        **({"ANTHROPIC_FEDERATION_RULE_ID": mapping_id(account)} if account else {}),
    }
    with world.anthropic(sdk, file, env | (more or {})) as session:
        yield session


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
            path = "/v1/models/refused-once" if json.loads(body)["model"] == "refused-once" else "/v1/models"
            status = world.call_api(self.headers["authorization"].removeprefix("Bearer "), path)
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
