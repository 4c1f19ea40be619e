"""A client and an API that prove and check keys (DPoP, RFC 9449) by a library that nobody here wrote, also where somebody acts."""

import json
import subprocess

from resources import API_AUDIENCE, account_id
from suite import case, expect, expect_match, expect_true
from world import JWT_TYPE, World

NEEDS = ("namespace",)


@case("dpop/bound", needs=NEEDS)
def bound(world: World) -> None:
    """The library is told the nonce, gets a bound token, and the API takes that from its holder alone."""
    told = run(world, {"subject_token": world.issuer.github(), "service_account_id": account_id("ci/web")})
    expect(told.get("error"), None, "the error of the exchange")
    expect(told["dpopAlgorithms"], ["ES256", "ES384", "EdDSA"], "the algorithms that the metadata lists")
    expect((told["nonces"], told["type"]), (1, "dpop"), "nonces asked for, and type")
    expect_true(list(told["claims"]["cnf"]) == ["jkt"], f"the token is bound to {told['claims'].get('cnf')}")
    expect([told[call] for call in CALLS], [200, 200, 401, 401], "the API's answers")


@case("dpop/delegated", needs=NEEDS)
def delegated(world: World) -> None:
    """A batch job acts for a workflow: both tokens are shown, its key binds, and the token says who acts."""
    acting = {"actor_token": world.issuer.client_credentials(), "actor_token_type": JWT_TYPE, "actor_identity_provider_id": "platform"}
    workflow = {"subject_token": world.issuer.github(), "service_account_id": account_id("ci/web-delegated")}
    told = run(world, workflow | acting)
    expect(told.get("error"), None, "the error of the exchange")
    expect(told["claims"]["act"], {"iss": world.issuer.url, "sub": "batch"}, "who acts")
    expect([told[call] for call in CALLS], [200, 200, 401, 401], "the API's answers")
    alone = run(world, workflow)
    expect(alone.get("error"), "invalid_request", "the error without the actor")
    expect_match(alone["description"], "must show an actor token", "what is said of it")


CALLS = ["called", "twice", "asBearer", "byAnotherKey"]


def run(world: World, parameters: dict) -> dict:
    parameters = {"subject_token_type": JWT_TYPE, "audience": API_AUDIENCE, **parameters}
    given = {"issuer": world.server_url, "audience": API_AUDIENCE, "parameters": parameters}
    command = ["node", world.folder / "node" / "dpop.mjs", json.dumps(given)]
    env = world.env_of(world.folder)
    done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60)
    if not done.stdout:
        raise RuntimeError(f"the client printed nothing:\n{done.stderr.strip()}")
    return json.loads(done.stdout)
