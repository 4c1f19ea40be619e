"""The OpenAI SDKs with an API key that is a function: it reads an access token that something else exchanged."""

import json
import shutil
import subprocess

from resources import API_AUDIENCE, account_id
from suite import case, expect, expect_true
from world import JWT_TYPE, SDKS, TOKEN_EXCHANGE, World


@case("api-key/{sdk}", needs=(), sdk=SDKS)
def from_file(world: World, sdk: str) -> None:
    """The function is asked before every request, so that a file that is kept fresh is all it takes."""
    key_file = world.file("access-token", fresh(world))
    before = len(world.seen())
    with world.with_key(sdk, key_file) as session:
        with world.expect_exchanges(1):
            session.expect_ok("models")
            session.expect_ok("chat")
            session.token(fresh(world))
            session.expect_ok("responses")
        expect(session.end(), 0, "exit code")
    claims = [each["claims"] for each in world.seen()[before:]]
    expect([each["sub"] for each in claims], [account_id("ci/web")] * 3, "sub")
    expect_true(claims[0]["jti"] == claims[1]["jti"] != claims[2]["jti"], "the new token in the file was not used")


@case("api-key/{sdk}-curl", needs=("curl",), sdk=SDKS)
def exchanged_by_curl(world: World, sdk: str) -> None:
    """The same in a shell: `curl` sends the token file as it is, newline included."""
    subject = world.file("subject-token", f"{world.issuer.github()}\n")
    body = json.loads(curl_exchange(world, subject))
    with world.with_key(sdk, world.file("access-token", body["access_token"])) as session:
        session.expect_ok("models")
    expect(world.seen()[-1]["claims"]["sub"], account_id("ci/web"), "sub")


def fresh(world: World) -> str:
    """Exchanges a GitHub token as a form (RFC 8693), read from a file that ends with a newline."""
    form = {"subject_token": f"{world.issuer.github()}\n", "audience": API_AUDIENCE, "service_account_id": "ci/web"}
    answer = world.exchange(form)
    expect(answer.status, 200, f"status (of {answer.body.get('error_description')!r})")
    return answer.body["access_token"]


def curl_exchange(world: World, subject) -> str:
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": JWT_TYPE, "audience": API_AUDIENCE, "service_account_id": "ci/web"}
    members = [argument for name, value in form.items() for argument in ("--data-urlencode", f"{name}={value}")]
    trust = ["--cacert", str(world.authority)] if world.namespaced else []
    done = subprocess.run(
        [shutil.which("curl"), "-q", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", *trust, *members]
        + ["--data-urlencode", f"subject_token@{subject}", f"{world.server_url}/oauth/token"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=20,
    )
    expect(done.returncode, 0, f"curl's exit code (it said {(done.stdout + done.stderr).strip()!r})")
    return done.stdout
