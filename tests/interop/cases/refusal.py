"""A refusal at the first exchange, in two voices: what the SDK prints, and what the operator reads by the decision in it."""

from resources import AUDIENCE
from suite import case, expect, expect_match, expect_true
from world import SDKS, World

# why: (what the token endpoint calls it, the operator's reason, what the operator's answer must show)
REFUSALS = {
    "expired": ("invalid_subject_token", "expired", "expired"),
    "wrong-audience": ("invalid_subject_token", "audience-mismatch", "sts.amazonaws.com"),
    "ref-not-allowed": ("invalid_grant", "no-mapping-matched", "refs/heads/dev"),
    "unknown-account": ("invalid_grant", None, "ci/nobody"),  # its reason is the server's to name
}


@case("refusal/{sdk}-{why}", sdk=SDKS, why=list(REFUSALS))
def refusal(world: World, sdk: str, why: str) -> None:
    code, reason, shown = REFUSALS[why]
    before = len(world.seen())
    account = "ci/nobody" if why == "unknown-account" else "ci/web"
    with world.workload(sdk, account, subject(world, why), provider="github") as session:
        if why == "ref-not-allowed":
            with world.expect_exchanges(1):  # none is tried again
                outcome = session.call()
        else:
            outcome = session.call()
        expect(session.end(), 0, "exit code")
        printed = session.errors()
    expect((outcome.get("type"), outcome.get("oauth")), ("OAuthError", True), f"the type of {outcome}")
    expect((outcome["status"], outcome["code"]), (400, code), "status and code")
    decision = expect_match(outcome["message"], r"dec_[0-9a-f]{32}", "the message")
    expect(outcome["requestId"], decision, "the SDK's request id")
    expect_match(printed, decision, "what was printed")
    expect_true("refs/heads/main" not in outcome["message"], "the caller is told what would have matched")
    expect(len(world.seen()), before, "the number of requests at the API")

    answer = world.decision(decision)
    expect(answer["verdict"], "deny", "the verdict")
    expect_match(answer["reason"], r"^[a-z]+(-[a-z]+)+$|^expired$", "the reason")
    if reason:
        expect(answer["reason"], reason, "the reason")
    expect_true(shown in str(answer), f"the operator's answer does not show {shown!r}: {answer}")


def subject(world: World, why: str) -> str:
    match why:
        case "expired":
            return world.issuer.github(age=600)
        case "wrong-audience":
            return world.issuer.github(audience="https://sts.amazonaws.com")
        case "ref-not-allowed":
            return world.issuer.github(ref="refs/heads/dev")
        case _:
            return world.issuer.github(audience=AUDIENCE)
