"""What the OpenAI SDKs do when a refresh is refused while the token that they hold is still good."""

import time

from suite import case, expect, expect_match, expect_true
from world import World


@case("failed-refresh/javascript-6-ends")
def javascript_ends(world: World) -> None:
    """With its defaults and `expires_in` of 1200 or less, version 6 for JavaScript takes the process with it."""
    with world.workload("javascript-6", "ci/web", world.issuer.github()) as session:
        session.expect_ok()
        session.token(refused(world))
        session.send()
        expect_true(session.wait() != 0, "the process ended well, though its refresh was refused")
        expect_match(session.errors(), "OAuthError", "the last words of the process")
        expect_match(session.errors(), r"dec_[0-9a-f]{32}", "the last words of the process")


@case("failed-refresh/javascript-6-buffer-60")
def javascript_buffer(world: World) -> None:
    """With `refreshBufferSeconds: 60` no refresh is tried that early."""
    goes_on(world, "ci/web", world.issuer.github(), refused(world), refreshBufferSeconds=60)


@case("failed-refresh/javascript-6-60m")
def javascript_long(world: World) -> None:
    """With a lifetime above 1200 s neither, until its last 20 minutes."""
    goes_on(world, "ci/batch-60m", world.issuer.client_credentials(), world.issuer.platform(sub="nobody"))


@case("failed-refresh/javascript-6-handler")
def javascript_handler(world: World) -> None:
    """A handler of `unhandledRejection` keeps the process, and the calls go on with the token that is still good."""
    goes_on(world, "ci/web", world.issuer.github(), refused(world), exchanges=4, handleRejections=True)


@case("failed-refresh/{sdk}-buffer-0", sdk=["javascript-6", "javascript-7"])
def javascript_at_the_end(world: World, sdk: str) -> None:
    """With `refreshBufferSeconds: 0` the refresh belongs to the call that needs it, and so does its failure."""
    with world.workload(sdk, "ci/batch", "", refreshBufferSeconds=0) as session:
        session.token(world.issuer.platform(seconds=8))
        session.expect_ok()
        session.token(world.issuer.platform(sub="nobody"))
        time.sleep(8.2)
        expect_refused(session.call(), "invalid_grant")
        session.token(world.issuer.client_credentials())
        session.expect_ok()
        expect(session.end(), 0, "exit code")


@case("failed-refresh/javascript-7")
def javascript_goes_on(world: World) -> None:
    """Version 7 for JavaScript keeps the failure to itself, as long as its token is good."""
    with world.workload("javascript-7", "ci/batch", "") as session:
        session.token(world.issuer.platform(seconds=12))
        with world.expect_exchanges(2):
            session.expect_ok()
            session.token(world.issuer.platform(sub="nobody"))
            time.sleep(6.2)
            session.expect_ok()
        session.token(world.issuer.client_credentials())
        session.expect_ok()
        expect(session.end(), 0, "exit code")


@case("failed-refresh/python")
def python(world: World) -> None:
    """The SDK for Python raises at the call that finds half of the lifetime over, though its token is still good."""
    with world.workload("python", "ci/batch", "") as session:
        session.token(world.issuer.platform(seconds=10))
        session.expect_ok()
        session.token(world.issuer.platform(sub="nobody"))
        time.sleep(5.2)
        expect_refused(session.call(), "invalid_grant")
        session.token(world.issuer.client_credentials())
        session.expect_ok()
        expect(session.end(), 0, "exit code")


def refused(world: World) -> str:
    """A good token that no mapping wants."""
    return world.issuer.github(ref="refs/heads/dev")


def goes_on(world: World, account: str, good: str, bad: str, *, exchanges: int = 1, **options) -> None:
    """Holds when calls succeed and the process ends well, with a bad subject token in place from the second call on."""
    before = world.exchanges()
    with world.workload("javascript-6", account, good, **options) as session, world.expect_exchanges(exchanges):
        session.expect_ok()
        session.token(bad)
        for made in range(2, 5):
            session.expect_ok()
            world.await_exchanges(before, min(made, exchanges))
            time.sleep(0.3)
        expect(session.end(), 0, "exit code")


def expect_refused(outcome: dict, code: str) -> None:
    expect((outcome.get("type"), outcome.get("code")), ("OAuthError", code), "the refusal")
