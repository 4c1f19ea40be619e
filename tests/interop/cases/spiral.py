"""Spiral's library and command line, led here by `SPIRAL__SERVER__URL`: what they administer, and each way in which they find a proof."""

import json
import subprocess
from base64 import urlsafe_b64decode

from lake import Lake
from resources import resource
from suite import case, expect, expect_match, expect_true
from world import World

AWS_KEYS = {
    "AWS_ACCESS_KEY_ID": "ASIAACCREDITEXAMPLE1",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE+TOKEN/==",
}

# source: (cloud, policy, environment)
SOURCES = {
    "oidc": ("none", ["oidc", "--conditions", "sub=anybody"], lambda lake: {"SPIRAL_OIDC_PROVIDER_TOKEN": lake.tokens["oidc"]}),
    "github": (
        "none",
        ["oidc", "--conditions", "repository_id=123", "--conditions", "ref=refs/heads/main"],
        lambda lake: {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{lake.services}/github?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runtime",
        },
    ),
    "modal": ("none", ["oidc", "--conditions", "workspace_id=ac-1"], lambda lake: {"MODAL_IDENTITY_TOKEN": lake.tokens["modal"]}),
    "aws": ("aws", ["aws", "--account", "123456789012", "--role", "web"], lambda _: AWS_KEYS),
    "gcp": ("gcp", ["oidc", "--conditions", "sub=112233445566778899000"], lambda _: {}),
}


@case("spiral/{source}", source=list(SOURCES))
def sources(world: World, source: str) -> None:
    """The command line makes workload, policy and grant; the library finds the proof and exchanges it."""
    cloud, policy, environment = SOURCES[source]
    with Lake(world, cloud) as lake:
        workload = lake.create("workloads", "create", lake.project, "--name", "loader")
        of = ["--iss", world.issuer.url] if policy[0] == "oidc" else []
        refused = lake.library(workload, environment(lake))
        expect_true(refused.code != 0, f"without a policy it exchanged: {refused.stdout}")
        lake.create("workloads", "create-policy", policy[0], workload, *policy[1:], *of)
        granted = lake.command("projects", "grant", lake.project, "--role", "editor", "--workload-id", workload)
        expect(granted.code, 0, f"`spiral projects grant`: {granted.stderr}; exit code")
        ran = lake.library(workload, environment(lake))
        expect(ran.code, 0, f"the library's {ran.stderr[-600:]}{lake.heard()}; exit code")
        claims = said(ran.stdout.strip())
        expect(claims["sub"], workload, "sub")
        expect(claims["org_id"], lake.project, "org_id")
        expect(claims["scope"], "table.read table.write", "scope")


@case("spiral/private-key")
def private_key(world: World) -> None:
    """A client with a key of its own, under the name that it was given: its provider has the public half, a policy says which
    workload it is. Another key, and the same key under another name, are refused."""
    name = "loader-client"
    keys = [generate(f"key-{number}") for number in range(2)]
    with Lake(world) as lake:
        uploaded = {"keys": [{member: value for member, value in keys[0].items() if member != "d"}]}
        client = {"type": "oidc", "issuer": name, "audiences": [f"{lake.url}/oauth/token"], "keys": {"uploaded": uploaded}}
        lake.apply(resource("Provider", name, client))
        workload = lake.create("workloads", "create", lake.project, "--name", "loader")
        proof = {"SPIRAL_CLIENT_ID": name, "SPIRAL_PRIVATE_KEY": json.dumps(keys[0]), "SPIRAL_AUTH_URL": lake.url}
        unknown = lake.library(workload, proof)
        expect_true(unknown.code != 0, f"without a policy it exchanged: {unknown.stdout}")
        expect_match(unknown.stderr, "unauthorized_client|no mapping allows", "what a client without a policy is told")
        lake.create("workloads", "create-policy", "oidc", workload, "--iss", name, "--conditions", f"sub={name}")
        granted = lake.command("projects", "grant", lake.project, "--role", "editor", "--workload-id", workload)
        expect(granted.code, 0, f"`spiral projects grant`: {granted.stderr}; exit code")
        ran = lake.library(workload, proof)
        expect(ran.code, 0, f"the library's {ran.stderr[-600:]}; exit code")
        claims = said(ran.stdout.strip())
        expect((claims["sub"], claims["org_id"]), (workload, lake.project), "sub and org_id")
        whoami = lake.command("whoami", env=proof)
        expect((whoami.code, workload in whoami.stdout), (0, True), f"`spiral whoami`: {whoami.stdout}{whoami.stderr}; exit code and workload")
        for changed in ({"SPIRAL_PRIVATE_KEY": json.dumps(keys[1])}, {"SPIRAL_CLIENT_ID": "another-client"}):
            refused = lake.library(workload, proof | changed)
            expect_true(refused.code != 0, f"with another {set(changed)} it exchanged: {refused.stdout}")
            expect_match(refused.stderr, "dec_[0-9a-f]{32}", "what it says of the refusal")


@case("spiral/command-line")
def command_line(world: World) -> None:
    """Everything that it administers, and what it prints of refusals."""
    with Lake(world) as lake:
        workload = lake.create("workloads", "create", lake.project, "--name", "loader")
        expect_match(lake.command("workloads", "ls", lake.project).stdout, workload, "`spiral workloads ls`")
        policy = lake.create("workloads", "create-policy", "oidc", workload, "--iss", world.issuer.url, "--conditions", "sub=a")
        listed = lake.command("workloads", "policies", workload).stdout
        expect_match(listed, policy, "`spiral workloads policies`")
        expect_match(listed, "sub=a", "its condition")
        refusals = {
            "issuer `https://oidc.modal.com`": ["workloads", "create-policy", "modal", workload, "--workspace-id", "ac-1"],
            "no client secrets here": ["workloads", "issue-creds", workload, "-y"],
            "no role `admin`": ["projects", "grant", lake.project, "--role", "admin", "--workload-id", workload],
            "does not exist": ["workloads", "create", "proj_00000000000000000000000000", "--name", "other"],
            "conditions are exact": ["workloads", "create-policy", "oidc", workload, "--iss", world.issuer.url, "--conditions", "sub=*"],
        }
        for words, arguments in refusals.items():
            ran = lake.command(*arguments)
            expect_true(ran.code != 0, f"`spiral {' '.join(arguments)}` succeeded")
            expect_match(" ".join((ran.stderr + ran.stdout).split()), words, f"what `spiral {' '.join(arguments)}` says")
        for arguments in (["delete-policy", policy, "-y"], ["deactivate", workload, "-y"]):
            expect(lake.command("workloads", *arguments).code, 0, f"`spiral workloads {arguments[0]}`: exit code")
        expect_true(workload not in lake.command("workloads", "ls", lake.project).stdout, "a deactivated workload is listed")
        nobody = lake.command("workloads", "ls", lake.project, env={"SPIRAL__AUTHN__TOKEN": lake.tokens["oidc"]})
        expect_match(" ".join((nobody.stderr + nobody.stdout).split()), "401", "what a stranger's bearer gets")


def generate(name: str) -> dict:
    """A fresh key of P-256, as Spiral's clients read it."""
    program = "crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey.export({format: 'jwk'})"
    done = subprocess.run(["node", "-p", f"JSON.stringify({program})"], capture_output=True, text=True, check=True, timeout=30)
    return {**json.loads(done.stdout), "kid": name, "alg": "ES256", "use": "sig"}


def said(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
