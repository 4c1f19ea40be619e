"""What the server is told: providers that trust the issuer, and one service account for each story of the suite."""

import json

AUDIENCE = "https://accredit.example.org"
PLATFORM_AUDIENCE = "https://platform.example.org/accredit"
API_AUDIENCE = "https://llm.example.org"
PEOPLE = "accredit-people"  # the client that people log in with
# A trust domain of the server's own, whose certificate authorities stand under another.
TRUST_DOMAIN = "acme.example.org"
READ, REQUEST = "api.model.read", "api.model.request"

GITHUB = {"repository_id": "123", "repository_owner_id": "98", "ref": ["refs/heads/main", "refs/tags/v*"]}
BATCH = {"sub": "batch"}
WORKER = "spiffe://example.org/ns/ml/sa/worker"

# Somebody must act, and prove a key.
DELEGATED = {"bound": "dpop", "actors": [{"provider": "platform", "match": BATCH}], "actorRequired": True}

# name: (provider, match, what else the mapping says)
ACCOUNTS = {
    "ci/web": ("github", GITHUB, {}),
    "ci/web-reader": ("github", GITHUB, {"permissions": [READ]}),
    "ci/web-hour": ("github", GITHUB, {"lifetime": "60m"}),
    "ci/web-outlives": ("github", GITHUB, {"lifetime": "60m", "outlivesSubject": "1h"}),
    "ci/batch": ("platform", BATCH, {}),
    "ci/batch-20m": ("platform", BATCH, {"lifetime": "20m"}),
    "ci/batch-60m": ("platform", BATCH, {"lifetime": "60m"}),
    "ci/explicit": ("platform-jwks-url", BATCH, {}),
    "ci/offline": ("platform-uploaded", BATCH, {}),
    "ci/person": ("platform", {"sub": "nightly"}, {}),
    "ml/worker": ("spire", {"sub": WORKER}, {}),
    "ml/worker-oidc": ("platform", {"sub": WORKER}, {}),
    "ci/web-delegated": ("github", GITHUB, DELEGATED),
}


def account_id(name: str) -> str:
    return f"sa_{list(ACCOUNTS).index(name):026d}"


def mapping_id(name: str) -> str:
    return f"map_{list(ACCOUNTS).index(name):026d}"


def provider_id(name: str) -> str:
    return f"idp_{['github', 'platform', 'spire'].index(name):026d}"


def documents(issuer: str, jwks_url: str, jwks: dict) -> str:
    """A file for `accredit apply`: YAML documents, each written in YAML's flow style."""
    resources = [
        *(resource("Project", name, {}) for name in ("ci", "llm", "ml")),
        resource("API", "llm/gateway", {"audience": API_AUDIENCE, "permissions": [READ, REQUEST]}),
        provider("github", "github", issuer, AUDIENCE, {"discovery": {}}, id=provider_id("github")),
        provider("platform", "oidc", issuer, PLATFORM_AUDIENCE, {"discovery": {}}, id=provider_id("platform")),
        provider("platform-jwks-url", "oidc", issuer, f"{PLATFORM_AUDIENCE}/jwks-url", {"jwksUrl": jwks_url}),
        provider("platform-uploaded", "oidc", issuer, f"{PLATFORM_AUDIENCE}/uploaded", {"uploaded": jwks}),
        resource(
            "Provider",
            "people",
            {"type": "oidc", "issuer": issuer, "login": {"clientId": PEOPLE, "scopes": ["offline_access"]}},
        ),
        resource("Administrator", "ada", {"provider": "people", "match": {"sub": "ada"}, "role": "owner"}),
        resource(
            "Provider",
            "spire",
            {"type": "spiffe", "trustDomain": "example.org", "audiences": [AUDIENCE], "keys": {"jwksUrl": jwks_url}},
            id=provider_id("spire"),
        ),
    ]
    for name, (of, match, more) in ACCOUNTS.items():
        project, local = name.split("/")
        resources += [
            resource("ServiceAccount", name, {}, id=account_id(name)),
            resource("Grant", f"llm/{project}-{local}", {"api": "llm/gateway", "permissions": [READ, REQUEST], "to": name}),
            resource("Mapping", name, {"provider": of, "serviceAccount": name, "match": match, **more}, id=mapping_id(name)),
        ]
    return "".join(f"---\n{json.dumps(each)}\n" for each in resources)


def provider(name: str, kind: str, issuer: str, audience: str, keys: dict, **more) -> dict:
    return resource("Provider", name, {"type": kind, "issuer": issuer, "audiences": [audience], "keys": keys}, **more)


def resource(kind: str, name: str, spec: dict, **more) -> dict:
    return {"kind": kind, "name": name, **more, "spec": spec}
