"""Pods of real clusters: projected tokens by the cluster's own TokenRequest, exchanged with what `accredit init kubernetes` prints."""

import json
from functools import cache

from cluster import ISSUER, Cluster, Clusters, claims
from resources import API_AUDIENCE, AUDIENCE, READ, REQUEST, resource
from suite import case, expect, expect_match, expect_true
from world import Answer, World

NEEDS = ("namespace", "cluster")
# provider: (cluster, where its keys are from); `east` is made by `accredit init`.
PROVIDERS = {
    "east": ("east", None),
    "west": ("west", {"jwksUrl": "https://west.example.org/openid/v1/jwks"}),
    "west-discovered": ("west", {"discovery": {"url": "https://west.example.org/.well-known/openid-configuration"}}),
}
# why: (the operator's reason, what his answer shows)
REFUSALS = {
    "wrong-audience": ("audience-mismatch", f"audience is `{ISSUER}`"),
    "expired": ("expired", "token expired at"),
    "other-namespace": ("no-mapping-matched", "`sub` is system:serviceaccount:other:worker, expected system:serviceaccount:ml:worker"),
    "other-cluster": ("key-not-found", "`east`"),
    "provider-not-named": ("issuer-unknown", ISSUER),
}


@case("kubernetes/pod-{provider}", needs=NEEDS, provider=list(PROVIDERS))
def pod(world: World, provider: str) -> None:
    """A pod-bound token becomes an access token, wherever the provider has the cluster's keys from."""
    cluster = clusters(world)[PROVIDERS[provider][0]]
    token = cluster.token(AUDIENCE)
    bound = claims(token)["kubernetes.io"]
    expect((bound["pod"]["name"], bound["node"]["name"]), ("worker-0", "node-1"), "what the cluster bound its token to")
    answer = exchange(world, token, provider)
    expect_account(world, answer, f"ml/{provider}")
    decision = world.decision(answer.headers["x-request-id"])
    expect(decision["verdict"], "allow", "the verdict")
    for seen in (bound["pod"]["uid"], bound["serviceaccount"]["uid"], f"ml/{provider}"):
        expect_true(seen in str(decision), f"the operator's answer does not show {seen!r}: {decision}")


@case("kubernetes/two-clusters", needs=NEEDS)
def two_clusters(world: World) -> None:
    """The same issuer, subject and audience: the provider's name says whose keys count, and nothing else does."""
    both = {name: clusters(world)[name].token(AUDIENCE) for name in ("east", "west")}
    alike = [{name: claims(token)[name] for name in ("iss", "sub", "aud")} for token in both.values()]
    expect(alike[0], alike[1], "what the clusters' tokens say")
    for provider, other in (("east", "west"), ("west", "east")):
        expect_account(world, exchange(world, both[provider], provider), f"ml/{provider}")
        foreign = exchange(world, both[other], provider)
        expect_refused(world, foreign, "key-not-found", f"`{provider}`")
        # Asking for the account that the token could become does not help.
        named = exchange(world, both[other], provider, service_account_id=f"ml/{other}")
        expect_refused(world, named, "key-not-found", f"`{provider}`")


@case("kubernetes/refusal-{why}", needs=NEEDS, why=list(REFUSALS))
def refusal(world: World, why: str) -> None:
    reason, shown = REFUSALS[why]
    east, west = clusters(world)["east"], clusters(world)["west"]
    match why:
        case "wrong-audience":
            token = east.token(ISSUER)
        case "expired":
            good = east.token(AUDIENCE)
            expect_account(world, exchange(world, east.aged(good, 60), "east"), "ml/east")
            token = east.aged(good, 3700)
        case "other-namespace":
            token = east.token(AUDIENCE, "other")
        case "other-cluster":
            token = west.token(AUDIENCE)
        case _:
            token = east.token(AUDIENCE)
    answer = exchange(world, token, None if why == "provider-not-named" else "east")
    expect_refused(world, answer, reason, shown)


@case("kubernetes/made-again", needs=NEEDS)
def made_again(world: World) -> None:
    """A service account that is deleted and made again has its name and another uid, and the mapping has the uid."""
    east = clusters(world)["east"]
    before = east.make_account("ml", "batch")
    start(world, east, "batch", before)
    expect_account(world, exchange(world, east.token(AUDIENCE, account="batch", pod=None), "east"), "ml/batch")
    east.delete("/api/v1/namespaces/ml/serviceaccounts/batch")
    after = east.make_account("ml", "batch")
    expect_true(before != after, "the cluster gave the same uid twice")
    answer = exchange(world, east.token(AUDIENCE, account="batch", pod=None), "east")
    expect_refused(world, answer, "no-mapping-matched", f"ml/batch-east: `x.service_account_uid` is {after}, expected {before}")


@cache
def clusters(world: World) -> Clusters:
    """The clusters, and what the server is told about them once they run."""
    running = world.clusters
    start(world, running["east"], "east", running["east"].account_uid(), of="worker")
    told = []
    for name, (of, keys) in PROVIDERS.items():
        if keys:
            # As the kind's page has two clusters of one issuer.
            match = {"sub": "system:serviceaccount:ml:worker", "x.service_account_uid": running[of].account_uid()}
            told += [
                resource("Provider", name, {"type": "kubernetes", "issuer": ISSUER, "onlyNamed": True, "keys": keys}),
                resource("ServiceAccount", f"ml/{name}", {}),
                resource("Mapping", f"ml/{name}", {"provider": name, "serviceAccount": f"ml/{name}", "match": match}),
                grant(name),
            ]
    apply(world, told)
    return running


def start(world: World, cluster: Cluster, account: str, uid: str, of: str | None = None) -> None:
    """Provider `east` with uploaded keys, and an account of ours for one of the cluster's, all by `accredit init`."""
    jwks = world.file("jwks", cluster.jwks())
    cluster_flags = ["--name", "east", "--issuer", ISSUER, "--jwks", str(jwks)]
    account_flags = ["--namespace", "ml", "--service-account", of or account, "--service-account-uid", uid, "--as", f"ml/{account}"]
    printed = world.accredit("init", "kubernetes", *cluster_flags, *account_flags)
    world.accredit("apply", "-f", str(world.file("starter.yaml", printed)))
    apply(world, [grant(account)])


def grant(account: str) -> dict:
    return resource("Grant", f"llm/ml-{account}", {"api": "llm/gateway", "permissions": [READ, REQUEST], "to": f"ml/{account}"})


def apply(world: World, told: list[dict]) -> None:
    file = world.file("told.yaml", "".join(f"---\n{json.dumps(each)}\n" for each in told))
    world.accredit("apply", "-f", str(file))


def exchange(world: World, token: str, provider: str | None, **more: str) -> Answer:
    named = {"identity_provider_id": provider} if provider else {}
    return world.exchange({"subject_token": token, "audience": API_AUDIENCE, **named, **more})


def expect_account(world: World, answer: Answer, account: str) -> None:
    """Holds when the API lets the token in, as this account's."""
    expect(answer.status, 200, f"status (of {answer.body.get('error_description')!r})")
    expect(world.call_api(answer.body["access_token"]), 200, "the API's answer")
    made = json.loads(world.accredit("get", "service-account", account, "-o", "json"))
    expect(world.seen()[-1]["claims"]["sub"], made["id"], f"sub, which is `{account}`")


def expect_refused(world: World, answer: Answer, reason: str, shown: str) -> None:
    """Holds when the caller learns an id alone, and the operator by it what was seen and what was expected."""
    expect(answer.status, 400, "status")
    expect(answer.body["error"], "invalid_request", "error (RFC 8693 section 2.2.2)")
    expect_true("expected" not in answer.body["error_description"], f"the caller is told too much: {answer.body}")
    decision = expect_match(answer.body["decision_id"], r"^dec_[0-9a-f]{32}$", "the decision's id")
    judged = world.decision(decision)
    expect((judged["verdict"], judged["reason"]), ("deny", reason), f"verdict and reason of {judged}")
    text = " ".join(world.accredit("decision", decision).split())
    expect_true(shown in text, f"the operator's answer does not show {shown!r}: {text}")
