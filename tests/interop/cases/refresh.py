"""When the OpenAI SDKs exchange again, counted in the server's audit log."""

import time

from suite import case, expect_true
from world import World

CALLS = 4
# These exchange again 1200 s before the end, but not before half of the lifetime is over.
CAPPED = ["python", "javascript-7"]


@case("refresh/{sdk}-{lifetime}", sdk=CAPPED, lifetime=["20m", "60m"])
def one_exchange(world: World, sdk: str, lifetime: str) -> None:
    """One exchange serves all calls."""
    count(world, sdk, f"ci/batch-{lifetime}", world.issuer.client_credentials(), exchanges=1)


@case("refresh/{sdk}-github", sdk=CAPPED)
def one_exchange_github(world: World, sdk: str) -> None:
    """With a token of GitHub as well, which lives five minutes."""
    count(world, sdk, "ci/web-hour", world.issuer.github(), exchanges=1)


@case("refresh/{sdk}-short", sdk=CAPPED)
def short(world: World, sdk: str) -> None:
    """A token of eight seconds is used for four, then exchanged again, with the subject token that lies there then."""
    with world.workload(sdk, "ci/batch", "") as session:
        session.token(world.issuer.platform(seconds=8))
        with world.expect_exchanges(1):
            session.expect_ok()
            session.expect_ok()
        session.token(world.issuer.client_credentials())
        time.sleep(4.2)
        with world.expect_exchanges(1):
            session.expect_ok()


@case("refresh/javascript-6-20m")
def javascript_every_call(world: World) -> None:
    """Version 6 for JavaScript begins 1200 s before the end, come what may: at `expires_in` 1200 or less every call is an exchange."""
    count(world, "javascript-6", "ci/batch-20m", world.issuer.client_credentials(), exchanges=CALLS)


@case("refresh/javascript-6-60m")
def javascript_long(world: World) -> None:
    """Above 1200 s it waits like any other."""
    count(world, "javascript-6", "ci/batch-60m", world.issuer.client_credentials(), exchanges=1)


@case("refresh/javascript-6-20m-buffer-{seconds}", seconds=[0, 60])
def javascript_buffer(world: World, seconds: int) -> None:
    """With `refreshBufferSeconds` it waits at every lifetime above that."""
    count(world, "javascript-6", "ci/batch-20m", world.issuer.client_credentials(), exchanges=1, refreshBufferSeconds=seconds)


@case("refresh/javascript-6-github")
def javascript_github(world: World) -> None:
    """A mapping of an hour does not help a subject token of five minutes: what is minted ends with its evidence."""
    count(world, "javascript-6", "ci/web-hour", world.issuer.github(), exchanges=CALLS)
    claims = world.seen()[-1]["claims"]
    expect_true(claims["exp"] - claims["iat"] <= 300, f"the token lives {claims['exp'] - claims['iat']} s")


@case("refresh/javascript-6-github-buffer-60")
def javascript_github_buffer(world: World) -> None:
    """`refreshBufferSeconds` does help it."""
    count(world, "javascript-6", "ci/web-hour", world.issuer.github(), exchanges=1, refreshBufferSeconds=60)


@case("refresh/javascript-6-github-outlives")
def javascript_github_outlives(world: World) -> None:
    """And so does `outlivesSubject` in the mapping, at its price."""
    count(world, "javascript-6", "ci/web-outlives", world.issuer.github(), exchanges=1)
    claims = world.seen()[-1]["claims"]
    expect_true(claims["exp"] - claims["iat"] > 1200, f"the token lives {claims['exp'] - claims['iat']} s")


def count(world: World, sdk: str, account: str, subject_token: str, *, exchanges: int, **options) -> None:
    """Makes some calls, far enough apart for an exchange in the background to end between them."""
    before = world.exchanges()
    with world.workload(sdk, account, subject_token, **options) as session:
        with world.expect_exchanges(exchanges):
            for made in range(1, CALLS + 1):
                session.expect_ok()
                world.await_exchanges(before, min(made, exchanges))
                time.sleep(0.3)  # the audit log knows of it before the client does
