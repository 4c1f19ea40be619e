"""Microsoft's identity library for Python, with the server as its authority: `WorkloadIdentityCredential`, told by its environment."""

from resources import API_AUDIENCE, AUDIENCE, account_id
from suite import case, expect, expect_match
from world import World

TOKEN = """
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
try:
    print(WorkloadIdentityCredential().get_token(SCOPE).token)
except ClientAuthenticationError as error:
    print(error.message)
"""


@case("entra/workload-identity")
def token(world: World) -> None:
    """The client is a service account, the scope everything on one API. The token's file ends with a newline."""
    with world.expect_exchanges(1):
        ran = world.run(program(f"{API_AUDIENCE}/.default"), environment(world, account_id("ci/web")))
    expect(world.call_api(ran.stdout.strip()), 200, f"the API's answer (the library said {(ran.stdout + ran.stderr)[-600:]!r})")
    expect(world.seen()[-1]["claims"]["sub"], account_id("ci/web"), "sub")


@case("entra/refused")
def refused(world: World) -> None:
    """Another account, another API, another audience: the library tells what it was told."""
    other = world.run(program(f"{API_AUDIENCE}/.default"), environment(world, account_id("ci/batch"))).stdout
    expect_match(other, "client_id is not whom the assertion speaks for", "the refusal of another account")
    elsewhere = world.run(program("https://other.example.org/.default"), environment(world, account_id("ci/web"))).stdout
    expect_match(elsewhere, "the audience asked for is not one that this token may reach", "the refusal of another API")
    foreign = environment(world, account_id("ci/web"), audience="api://AzureADTokenExchange")
    expect_match(world.run(program(f"{API_AUDIENCE}/.default"), foreign).stdout, "not acceptable", "the refusal of another audience")


def program(scope: str) -> str:
    return f"SCOPE = {scope!r}\n{TOKEN}"


def environment(world: World, client: str, audience: str = AUDIENCE) -> dict[str, str]:
    subject = world.issuer.github(audience=audience)
    return {
        "AZURE_AUTHORITY_HOST": world.server_url,
        "AZURE_TENANT_ID": "accredit",
        "AZURE_CLIENT_ID": client,
        "AZURE_FEDERATED_TOKEN_FILE": str(world.file("subject-token", f"{subject}\n")),
    }
