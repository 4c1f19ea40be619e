"""The tokens of GitHub, SPIRE and any other issuer, each through both SDKs."""

from collections.abc import Callable

from resources import PLATFORM_AUDIENCE, account_id
from subjects import Issuer
from suite import case, expect
from world import SDKS, World

# shape: (account, token, token type of the SDK)
SHAPES: dict[str, tuple[str, Callable[[Issuer], str], str]] = {
    "github-classic": ("ci/web", lambda issuer: issuer.github(), "jwt"),
    "github-immutable": ("ci/web", lambda issuer: issuer.github(immutable=True), "jwt"),
    "github-tag": ("ci/web", lambda issuer: issuer.github(ref="refs/tags/v1.2"), "jwt"),
    "spire": ("ml/worker", lambda issuer: issuer.spire(), "jwt"),
    "spire-oidc": ("ml/worker-oidc", lambda issuer: issuer.spire(issuer=issuer.url, audience=PLATFORM_AUDIENCE), "jwt"),
    "client-credentials": ("ci/batch", lambda issuer: issuer.client_credentials(), "jwt"),
    "id-token": ("ci/person", lambda issuer: issuer.id_token("nightly"), "id"),
}


@case("shapes/{sdk}-{shape}", sdk=SDKS, shape=list(SHAPES))
def shapes(world: World, sdk: str, shape: str) -> None:
    account, token, token_type = SHAPES[shape]
    with world.workload(sdk, account, token(world.issuer), tokenType=token_type) as session:
        session.expect_ok()
        expect(session.end(), 0, "exit code")
    expect(world.seen()[-1]["claims"]["sub"], account_id(account), "sub")
