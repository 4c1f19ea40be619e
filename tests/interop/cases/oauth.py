"""Go's OAuth libraries: a client that obtains tokens by client credentials, and the owner of an API that verifies and introspects them."""

import json
import subprocess
import time

from resources import API_AUDIENCE, READ, REQUEST, WORKER, account_id
from suite import case, expect, expect_match, expect_true
from world import World

NEEDS = ("namespace", "oauth")
TYPES = "urn:ietf:params:oauth:client-assertion-type:"
# why: (OAuth's code and status (RFC 6749 section 5.2), the operator's reason)
REFUSALS = {
    "expired": (("invalid_client", 401), "expired"),
    "wrong-audience": (("invalid_client", 401), "audience-mismatch"),
    "ref-not-allowed": (("invalid_client", 401), "no-mapping-matched"),
    "scope-not-granted": (("invalid_scope", 400), "scope-not-granted"),
    "other-client": (("invalid_client", 401), "client-mismatch"),
}


@case("oauth/discovery", needs=NEEDS)
def discovery(world: World) -> None:
    """RFC 8414, as a library that looks for OpenID Connect's members reads it."""
    found = run(world, "discover")
    endpoints = {name: found.get(name) for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint")}
    expect(endpoints, {f"{name}_endpoint": f"{world.server_url}/oauth/{path}" for name, path in PATHS.items()}, "the endpoints")


PATHS = {"token": "token", "introspection": "introspect", "revocation": "revoke"}


@case("oauth/obtain-{assertion}", needs=NEEDS, assertion=["jwt-bearer", "jwt-spiffe"])
def obtain(world: World, assertion: str) -> None:
    """A platform's token and a SPIFFE workload's as client assertions; another library verifies what comes of them."""
    spiffe = {"assertion": world.issuer.spire(), "assertionType": f"{TYPES}jwt-spiffe", "clientID": WORKER}
    given, account = (client(world, "ci/web"), "ci/web") if assertion == "jwt-bearer" else (spiffe, "ml/worker")
    got = run(world, "obtain", audience=API_AUDIENCE, **given)
    expect_true("token" in got, f"it was refused: {got}")
    expect((got["type"], set(got["scope"].split())), ("Bearer", {READ, REQUEST}), "type and scope")
    expect_true(0 < got["seconds"] <= 900, f"it ends in {got['seconds']} s")
    verified = run(world, "verify", audience=API_AUDIENCE, token=got["token"])
    seen = {"subject": account_id(account), "audience": [API_AUDIENCE], "issuer": world.server_url}
    expect(verified, seen, "what the verifier read")
    elsewhere = run(world, "verify", audience="https://other.example.org", token=got["token"])
    expect_match(elsewhere.get("printed"), "expected audience", "what the verifier of another API says")


@case("oauth/call-{style}", needs=NEEDS, style=["in-params", "detected"])
def call(world: World, style: str) -> None:
    """The client that the library makes calls the API, also where the library tries HTTP Basic first."""
    with world.expect_exchanges(1):
        called = run(world, "call", audience=API_AUDIENCE, url=f"{world.api_url}/models", detect=style == "detected", **client(world, "ci/web"))
    expect(called, {"statuses": [200, 200]}, "the API's answers")
    expect(world.seen()[-1]["claims"]["sub"], account_id("ci/web"), "sub")


@case("oauth/introspect", needs=NEEDS)
def introspect(world: World) -> None:
    """An active token, and an inactive one within a second of the end of its mapping; who is no owner is refused."""
    bearer, token = (run(world, "obtain", audience=API_AUDIENCE, **client(world, name))["token"] for name in ("ci/web", "ci/web-reader"))
    told = ask(world, bearer, token)
    read = {name: told.get(name) for name in ("active", "scope", "sub", "client_id", "aud", "iss", "token_type")}
    account = account_id("ci/web-reader")
    says = {"active": True, "scope": READ, "sub": account, "client_id": account, "aud": [API_AUDIENCE], "iss": world.server_url}
    expect(read, {**says, "token_type": "Bearer"}, "what the owner reads")
    world.accredit("mapping", "disable", "ci/web-reader")
    try:
        began = time.monotonic()
        while ask(world, bearer, token)["active"]:
            expect_true(time.monotonic() - began < 1, "a second after the mapping was disabled its token is active")
        stranger = ask(world, token, bearer)
        expect_true("invalid" in stranger.get("code", ""), f"a caller whose token is not active is answered {stranger}")
    finally:
        world.accredit("mapping", "enable", "ci/web-reader")
    nobody = ask(world, world.issuer.github(), token)
    expect_true("invalid" in nobody.get("code", ""), f"a caller with somebody else's token is answered {nobody}")
    expect(ask(world, bearer, world.issuer.github()), {"active": False}, "what is told of somebody else's token")


@case("oauth/revoke", needs=NEEDS)
def revoke(world: World) -> None:
    """Whoever holds a token ends it, once and again."""
    bearer, token = (run(world, "obtain", audience=API_AUDIENCE, **client(world, name))["token"] for name in ("ci/web", "ci/web-reader"))
    expect(ask(world, bearer, token)["active"], True, "active before")
    for _ in range(2):
        expect(run(world, "revoke", token=token), {"revoked": True}, "what the library says of the revocation")
    expect(ask(world, bearer, token), {"active": False}, "what the owner reads")
    expect(run(world, "revoke", token="no token at all"), {"revoked": True}, "what it says of what is no token")


@case("oauth/refusal-{why}", needs=NEEDS, why=list(REFUSALS))
def refusal(world: World, why: str) -> None:
    """What a program would log has OAuth's code and the decision, by which the operator reads the rest."""
    understood, reason = REFUSALS[why]
    given = client(world, "ci/web")
    match why:
        case "expired":
            given["assertion"] = world.issuer.github(age=600)
        case "wrong-audience":
            given["assertion"] = world.issuer.github(audience="https://sts.amazonaws.com")
        case "ref-not-allowed":
            given["assertion"] = world.issuer.github(ref="refs/heads/dev")
        case "scope-not-granted":
            given["scopes"] = ["api.model.delete"]
        case "other-client":
            given |= {"assertion": world.issuer.spire(), "assertionType": f"{TYPES}jwt-spiffe"}  # and no SPIFFE ID as client id
    refused = run(world, "obtain", audience=API_AUDIENCE, **given)
    expect_true("token" not in refused, "it was allowed")
    expect((refused["code"], refused["status"]), understood, f"code and status of {refused['printed']!r}")
    decision = expect_match(refused["printed"], r"dec_[0-9a-f]{32}", "what was printed")
    expect_true(given["assertion"] not in refused["printed"], "the assertion was printed")
    judged = world.decision(decision)
    expect((judged["verdict"], judged["reason"]), ("deny", reason), f"verdict and reason of {judged}")


def client(world: World, account: str) -> dict:
    """A job of a platform: its token is the assertion, and it says which account it wants to be."""
    return {"assertion": world.issuer.github(), "assertionType": f"{TYPES}jwt-bearer", "clientID": account_id(account)}


def ask(world: World, bearer: str, token: str) -> dict:
    return run(world, "introspect", bearer=bearer, token=token)


def run(world: World, verb: str, **options) -> dict:
    """Runs a client to its end; what it printed."""
    program = world.parts.oauth / "oauth"
    command = [program, verb, json.dumps({"issuer": world.server_url, **options})]
    done = subprocess.run(command, capture_output=True, text=True, env=world.env_of(world.folder), stdin=subprocess.DEVNULL, timeout=60)
    expect(done.returncode, 0, f"`oauth {verb}`: {done.stderr[-1000:]}; exit code")
    return json.loads(done.stdout)
