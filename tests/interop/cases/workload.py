"""The OpenAI SDKs with workload identity, against the token URL that is wired into them."""

from namespace import SERVER_NAMES
from resources import API_AUDIENCE, READ, REQUEST, account_id, provider_id
from suite import Failed, case, expect, expect_match, expect_true
from world import SDKS, World


@case("workload/{sdk}", sdk=SDKS)
def calls(world: World, sdk: str) -> None:
    """Nothing is configured but the identity: neither the token URL nor the API's. One exchange serves all calls."""
    account, before = "ci/batch-60m", len(world.seen())
    with world.workload(sdk, account_id(account), world.issuer.client_credentials(), provider=provider_id("platform")) as session:
        with world.expect_exchanges(1):
            for call in ("models", "chat", "responses"):
                session.expect_ok(call)
        expect(session.end(), 0, "exit code")
    seen = world.seen()[before:]
    routes = ["GET /v1/models", "POST /v1/chat/completions", "POST /v1/responses"]
    expect([each["route"] for each in seen], routes, "what the API was asked")
    expect({each["host"] for each in seen}, {"api.openai.com"}, "the host that was asked")
    for each in seen:
        expect_access_token(each, account)


@case("workload/{sdk}-base-url", sdk=SDKS)
def other_api(world: World, sdk: str) -> None:
    """The API's URL is free, as ever: `base_url`, `baseURL`, `OPENAI_BASE_URL`."""
    before = len(world.seen())
    for settings in ({"baseUrl": world.api_url}, {"env": {"OPENAI_BASE_URL": world.api_url}}):
        with world.workload(sdk, "ci/web", world.issuer.github(), **settings) as session:
            session.expect_ok()
    expect([each["host"] for each in world.seen()[before:]], ["llm.example.org"] * 2, "the host that was asked")
    expect_access_token(world.seen()[-1], "ci/web")


@case("workload/{sdk}-narrowed", sdk=SDKS)
def narrowed(world: World, sdk: str) -> None:
    """A mapping's `permissions` narrow the token: the API lets it read and nothing else."""
    with world.workload(sdk, "ci/web-reader", world.issuer.github()) as session:
        session.expect_ok("models")
        refused = session.call("chat")
        expect((refused.get("type"), refused.get("status")), ("PermissionDeniedError", 403), "the refusal by the API")
    expect(world.seen()[-1]["claims"]["scope"], READ, "scope")


@case("workload/{sdk}-after-401", sdk=SDKS)
def after_401(world: World, sdk: str) -> None:
    """An API that answers 401 makes the SDK exchange again and repeat the request once."""
    before = len(world.seen())
    with world.workload(sdk, "ci/batch-60m", world.issuer.client_credentials()) as session:
        with world.expect_exchanges(2):
            session.expect_ok("models")
            session.expect_ok("refused-once")
    seen = world.seen()[before:]
    expect([each["status"] for each in seen], [200, 401, 200], "the API's answers")
    expect_true(seen[1]["claims"]["jti"] != seen[2]["claims"]["jti"], "the repeated request bears the refused token")


@case("workload/{sdk}-beside-a-key", sdk=SDKS)
def beside_a_key(world: World, sdk: str) -> None:
    """`OPENAI_API_KEY` in the environment: the SDK for Python leaves it aside, the one for JavaScript does not start."""
    environment = {"OPENAI_API_KEY": "sk-left-over"}
    try:
        with world.workload(sdk, "ci/web", world.issuer.github(), env=environment) as session:
            session.expect_ok()
    except Failed as failed:
        expect_true(sdk != "python", str(failed))
        expect_match(str(failed), "mutually exclusive", "what it ended with")
    else:
        expect(sdk, "python", "the SDK that starts")
        expect_access_token(world.seen()[-1], "ci/web")


def expect_access_token(seen: dict, account: str) -> None:
    """Holds when the API let in an access token of RFC 9068 for this account."""
    expect(seen["status"], 200, "the API's answer")
    header, claims = seen["header"], seen["claims"]
    expect(header["typ"], "at+jwt", "typ")
    expect(claims["iss"], f"https://{SERVER_NAMES[0]}", "iss")
    expect(claims["sub"], account_id(account), "sub")
    expect(claims["client_id"], claims["sub"], "client_id")
    expect(claims["aud"], API_AUDIENCE, "aud")
    expect(set(claims["scope"].split(" ")), {READ, REQUEST}, "scope")
    expect_match(claims["jti"], r"^dec_[0-9a-f]{32}$", "jti")
    expect_match(claims["org_id"], r"^proj_[0-9a-z]{26}$", "org_id")
