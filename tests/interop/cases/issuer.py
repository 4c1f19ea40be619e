"""An issuer that nobody here wrote, by its own discovery, key set and token endpoint; no SDK yet."""

from resources import API_AUDIENCE, PLATFORM_AUDIENCE, READ, REQUEST, account_id
from suite import case, expect, expect_match, expect_true
from world import Answer, World

ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token"
DECISION = r"^dec_[0-9a-f]{32}$"


@case("issuer/client-credentials-{keys}", needs=(), keys=["discovery", "jwks-url", "uploaded"])
def own_token(world: World, keys: str) -> None:
    """A token of the issuer's own token endpoint is exchanged, wherever the provider has its keys from."""
    # One account can be meant by the latter two, so that the caller may leave it unnamed.
    account, suffix, named = {
        "discovery": ("ci/batch", "", {"service_account_id": "ci/batch"}),
        "jwks-url": ("ci/explicit", "/jwks-url", {}),
        "uploaded": ("ci/offline", "/uploaded", {}),
    }[keys]
    token = world.issuer.client_credentials(audience=PLATFORM_AUDIENCE + suffix)
    answer = world.exchange({"subject_token": token, "audience": API_AUDIENCE, **named})
    expect_allowed(answer)
    expect(answer.body["expires_in"], 900, "expires_in of a mapping that names no lifetime")
    expect(world.call_api(answer.body["access_token"]), 200, "the API's answer")
    expect(world.seen()[-1]["claims"]["sub"], account_id(account), "sub")


@case("issuer/id-token", needs=())
def id_token(world: World) -> None:
    """An ID token, as an authorization code brings it, is a subject token of its own type."""
    token = world.issuer.id_token("nightly")
    answer = world.exchange({"subject_token": token, "subject_token_type": ID_TOKEN_TYPE, "service_account_id": "ci/person"})
    expect_allowed(answer)
    expect(world.call_api(answer.body["access_token"]), 200, "the API's answer")
    expect(world.seen()[-1]["claims"]["sub"], account_id("ci/person"), "sub")


@case("issuer/access-token-refused", needs=())
def access_token(world: World) -> None:
    """What the issuer types `at+jwt` was made for somebody's API, and proves to nobody who its bearer is."""
    answer = world.exchange({"subject_token": world.issuer.client_credentials("plain"), "service_account_id": "ci/batch"})
    expect(answer.status, 400, "status")
    expect(answer.body["error"], "invalid_request", "error (RFC 8693 section 2.2.2)")
    expect(world.decision(answer.body["decision_id"])["reason"], "type-not-allowed", "the reason")


@case("issuer/api-checks", needs=())
def api_checks(world: World) -> None:
    """The suite's own API lets nothing in but our access tokens; otherwise its answers would prove nothing."""
    answer = world.exchange({"subject_token": world.issuer.client_credentials(), "service_account_id": "ci/batch"})
    good = answer.body["access_token"]
    header, payload, signature = good.split(".")
    expect(world.call_api(good), 200, "the API's answer to a good token")
    expect(world.call_api(world.issuer.client_credentials()), 401, "the API's answer to a subject token")
    expect(world.call_api(".".join((header, payload, signature[::-1]))), 401, "the API's answer to a bad signature")
    expect(world.call_api(""), 401, "the API's answer to no token")


def expect_allowed(answer: Answer) -> None:
    """Holds when the answer is a success in the form that every known client reads."""
    expect(answer.status, 200, f"status (of {answer.body.get('error_description')!r})")
    body, headers = answer.body, answer.headers
    expect(body["token_type"].lower(), "bearer", "token_type")
    expect(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token", "issued_token_type")
    expect(set(body["scope"].split(" ")), {READ, REQUEST}, "scope")
    expect_true(type(body["expires_in"]) is int and body["expires_in"] > 0, "expires_in is not a whole number above 0")
    decision = expect_match(headers.get("x-request-id"), DECISION, "x-request-id")
    expect(headers.get("request-id"), decision, "request-id")
    expect(headers.get("cache-control"), "no-store", "cache-control")
    expect(headers.get("pragma"), "no-cache", "pragma")
