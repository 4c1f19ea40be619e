"""A real SPIRE beside the server: its workloads' JWT-SVIDs become access tokens, wherever the provider has its keys from."""

import json
import time
from base64 import urlsafe_b64decode
from functools import cache

from cases import trust_domain as svids
from cases.oauth import run
from cases.trust_domain import document, domains
from namespace import BUNDLE_ENDPOINT, DISCOVERY_PROVIDER
from resources import API_AUDIENCE, AUDIENCE, READ, REQUEST, TRUST_DOMAIN, resource
from spire import WORKER, Authority, Spire
from suite import case, expect, expect_match, expect_true
from world import SDKS, Answer, World

NEEDS = ("namespace", "spire")
NORTH, SOUTH = "north.example.org", "south.example.org"
ISSUER = f"https://{DISCOVERY_PROVIDER[0]}"
# What our bundle endpoint shows.
OUR_ENDPOINT = f"spiffe://{TRUST_DOMAIN}/accredit/bundle"
# Which providers know `north` by which keys; a bundle is uploaded where its text stands.
PROVIDERS = {
    "uploaded": {"type": "spiffe", "trustDomain": NORTH, "issuer": ISSUER, "keys": {"uploaded": "north"}},
    "bundle-url": {"type": "spiffe", "trustDomain": NORTH, "issuer": ISSUER, "keys": {"jwksUrl": f"https://{NORTH}/"}},
    "oidc": {"type": "oidc", "issuer": ISSUER, "keys": {"discovery": {}}},
    "spiffe-bundle": {"type": "spiffe", "trustDomain": NORTH, "issuer": ISSUER, "keys": {"spiffeBundle": {"url": f"https://{NORTH}/"}}},
    "discovered": {"type": "spiffe", "trustDomain": NORTH, "issuer": ISSUER, "keys": {"discovery": {}}},
}
# Beside them: one of `south`, whose tokens name no issuer and are signed with RSA, and one that has the wrong keys for `north`.
OTHERS = {
    "south": {"type": "spiffe", "trustDomain": SOUTH, "keys": {"uploaded": "south"}},
    "impostor": {"type": "spiffe", "trustDomain": NORTH, "issuer": ISSUER, "keys": {"uploaded": "south"}},
}
# why: (the operator's reason, what his answer shows)
REFUSALS = {
    "wrong-trust-domain": ("issuer-mismatch", SOUTH),
    "wrong-keys": ("key-not-found", "`impostor`"),
    "wrong-audience": ("audience-mismatch", "sts.amazonaws.com"),
    "expired": ("expired", "token expired"),
    "other-workload": ("no-mapping-matched", f"spiffe://{NORTH}/ns/ml/sa/other"),
}


@case("spire/{provider}-{sdk}", needs=NEEDS, provider=list(PROVIDERS), sdk=SDKS[::2])
def workload(world: World, provider: str, sdk: str) -> None:
    """A workload's token of the Workload API, through an SDK that calls an API with what comes of it."""
    account = f"mesh/{provider}"
    with world.workload(sdk, account, spire(world).workload.jwt_svid(AUDIENCE), provider=provider) as session:
        session.expect_ok()
        expect(session.end(), 0, "exit code")
    expect(world.seen()[-1]["claims"]["sub"], id_of(world, account), "sub")


@case("spire/rsa", needs=NEEDS)
def rsa(world: World) -> None:
    """A trust domain that signs with RSA and names no issuer is known by the one in `sub`."""
    answer = exchange(world, spire(world)["south"].jwt_svid(AUDIENCE), None)
    expect(answer.status, 200, f"status (of {answer.body.get('error_description')!r})")
    expect(world.call_api(answer.body["access_token"]), 200, "the API's answer")
    expect(world.seen()[-1]["claims"]["sub"], id_of(world, "mesh/south"), "sub")


@case("spire/client-assertion", needs=(*NEEDS, "oauth"))
def client_assertion(world: World) -> None:
    """Go's OAuth library, whose client assertion is a JWT-SVID and whose client id the SPIFFE ID."""
    running = spire(world)
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
    given = {"assertion": running["south"].jwt_svid(AUDIENCE), "assertionType": kind, "clientID": running["south"].id(WORKER)}
    got = run(world, "obtain", audience=API_AUDIENCE, **given)
    expect_true("token" in got, f"it was refused: {got}")
    expect(world.call_api(got["token"]), 200, "the API's answer")


@case("spire/refusal-{why}", needs=NEEDS, why=list(REFUSALS))
def refusal(world: World, why: str) -> None:
    """B13: also a token whose trust domain's provider has another trust domain's keys."""
    reason, shown = REFUSALS[why]
    running, provider = spire(world), "uploaded"
    north = running["north"]
    match why:
        case "wrong-trust-domain":
            token = running["south"].jwt_svid(AUDIENCE)
        case "wrong-keys":
            token, provider = north.jwt_svid(AUDIENCE), "impostor"
        case "wrong-audience":
            token = running.workload.jwt_svid("https://sts.amazonaws.com")
        case "expired":
            token = north.jwt_svid(AUDIENCE, ttl="1s")
            time.sleep(1.1)  # nothing is forgiven
        case _:
            token = north.jwt_svid(AUDIENCE, "/ns/ml/sa/other")
    answer = exchange(world, token, provider)
    expect(answer.status, 400, "status")
    expect_true("expected" not in answer.body["error_description"], f"the caller is told too much: {answer.body}")
    decision = expect_match(answer.body["decision_id"], r"^dec_[0-9a-f]{32}$", "the decision's id")
    judged = world.decision(decision)
    expect((judged["verdict"], judged["reason"]), ("deny", reason), f"verdict and reason of {judged}")
    text = " ".join(world.accredit("decision", decision).split())
    expect_true(shown in text, f"the operator's answer does not show {shown!r}: {text}")


@case("spire/federation-{profile}", needs=(*NEEDS, "spiffe"), profile=["https-web", "https-spiffe"])
def federation(world: World, profile: str) -> None:
    """Each holds the other's bundle by its endpoint. A token of theirs counts here, and X509-SVIDs of both at both ends of TLS."""
    running, foreign = spire(world), federated(world, profile)
    answer = exchange(world, foreign.jwt_svid(AUDIENCE), held(foreign))
    expect(answer.status, 200, f"status (of {answer.body.get('error_description')!r})")
    ours, theirs = json.loads(document(world, TRUST_DOMAIN)), foreign.bundle(TRUST_DOMAIN)
    expect(*({(key["use"], key.get("kid")) for key in each["keys"]} for each in (theirs, ours)), "the keys that SPIRE holds of ours")
    if foreign is running["north"]:
        chain, key, _ = (file.read_text() for file in running.workload.x509_svid(world.folder))
        known = {foreign.trust_domain: json.dumps(foreign.bundle()), TRUST_DOMAIN: json.dumps(theirs)}
        spoke = svids.spiffe(world, "tls", bundles=known, svid={"chain": chain, "key": key}, peer=svids.x509(world, TRUST_DOMAIN).told)
        expect(spoke, {"server": foreign.id(WORKER), "client": svids.id_in(TRUST_DOMAIN)}, "who spoke")


@case("spire/handed-on", needs=(*NEEDS, "spiffe"))
def handed_on(world: World) -> None:
    """SPIRE's agent hands our bundle on to its workloads, and judges our JWT-SVIDs by it for them."""
    running = handing_on(world)
    ours = svids.issued(world, TRUST_DOMAIN, [svids.jwt(svids.WORK)])[0]
    expect(running.workload.judged(ours, svids.WORK), {"id": svids.id_in(TRUST_DOMAIN)}, "what the agent says")
    # B13: what is for another, and what a trust domain issued that nobody handed on.
    stranger = svids.issued(world, svids.OTHER, [svids.jwt(svids.WORK)])[0]
    for token, audience in ((ours, "https://other.example.org"), (stranger, svids.WORK)):
        judged = running.workload.judged(token, audience)
        expect_true("refused" in judged, f"the agent took it for {judged}")


@case("spire/our-key-revoked", needs=(*NEEDS, "spiffe"))
def our_key_revoked(world: World) -> None:
    """What a key of ours signed is refused by SPIRE's agent once its server has our bundle without it; the next key counts at once."""
    running = handing_on(world)
    before = svids.issued(world, TRUST_DOMAIN, [svids.jwt(svids.WORK)])[0]
    world.accredit("key", "revoke", kid(before), "--reason", "it leaked")
    after = svids.issued(world, TRUST_DOMAIN, [svids.jwt(svids.WORK)])[0]
    # It was published long before: they know it already.
    expect(running.workload.judged(after, svids.WORK), {"id": svids.id_in(TRUST_DOMAIN)}, "what the agent says of the next key's")
    running["north"].refresh(TRUST_DOMAIN)
    svids.eventually(lambda: running.workload.judged(before, svids.WORK), lambda judged: "refused" in judged)
    expect(running.workload.judged(after, svids.WORK), {"id": svids.id_in(TRUST_DOMAIN)}, "what it says of the next key's then")


@case("spire/rotation", needs=NEEDS)
def rotation(world: World) -> None:
    """A new key of theirs counts when their bundle has it, and an old one no longer when it has not."""
    # Behind all that know `north` by uploaded keys, which stay as they were.
    north = federated(world, "https-web")
    before = north.jwt_svid(AUDIENCE)
    north.prepare("jwt")
    old = north.rotate("jwt")
    after = north.jwt_svid(AUDIENCE)
    world.accredit("federation", "refresh", held(north))
    for token in (before, after):
        expect(exchange(world, token, held(north)).status, 200, "status")
    north.revoke("jwt", old)
    world.accredit("federation", "refresh", held(north))
    expect(exchange(world, after, held(north)).status, 200, "status with the new key")
    answer = exchange(world, before, held(north))
    expect(answer.status, 400, "status with the old key")
    expect(world.decision(answer.body["decision_id"])["reason"], "key-not-found", "reason")


@case("spire/endpoint-rotation", needs=NEEDS)
def endpoint_rotation(world: World) -> None:
    """Profile https_spiffe over a change of authorities: the endpoint is known by those that the bundle had before, and by them alone."""
    south = federated(world, "https-spiffe")
    south.prepare("x509")
    expect(refreshed(world, south), 2, "how many authorities are held once another is prepared")
    south.revoke("x509", south.rotate("x509"))
    # Until its server has an X509-SVID under the next one, whoever holds that alone does not believe it.
    deadline = time.monotonic() + 30
    while (refreshed(world, south), refreshed(world, south)) != (1, 1):
        expect_true(time.monotonic() < deadline, "the endpoint is not believed under its next authority")
        time.sleep(0.5)


def refreshed(world: World, foreign: Authority) -> int | None:
    """How many authorities are held after their endpoint was asked; `None` when that could not be confirmed."""
    try:
        return len(json.loads(world.accredit("federation", "refresh", held(foreign), "-o", "json"))["authorities"])
    except RuntimeError:
        return None


@cache
def federated(world: World, profile: str) -> Authority:
    """A trust domain of SPIRE's that holds the bundle of ours, and we its: each by the profile."""
    foreign = spire(world)[{"https-web": "north", "https-spiffe": "south"}[profile]]
    domains(world)
    spec = {
        "trustDomain": TRUST_DOMAIN,
        "foreignTrustDomain": foreign.trust_domain,
        "url": f"https://{foreign.trust_domain}/",
        "profile": profile.replace("-", "_"),
    }
    relation = ["-trustDomain", TRUST_DOMAIN, "-bundleEndpointProfile", profile.replace("-", "_")]
    if profile == "https-spiffe":
        spec |= {"endpointSpiffeId": foreign.id("/spire/server"), "bootstrapBundle": foreign.bundle()}
        ours = world.file("bundle", document(world, TRUST_DOMAIN))
        relation += ["-bundleEndpointURL", f"https://{BUNDLE_ENDPOINT[0]}/bundle", "-endpointSpiffeID", OUR_ENDPOINT]
        relation += ["-trustDomainBundlePath", str(ours), "-trustDomainBundleFormat", "spiffe"]
    else:
        relation += ["-bundleEndpointURL", f"{svids.issuer(world, TRUST_DOMAIN)}/bundle"]
    provider = {"type": "spiffe", "trustDomain": foreign.trust_domain, "keys": {"federation": held(foreign)}}
    issuer = {"issuer": ISSUER} if foreign.trust_domain == NORTH else {}
    told = [resource("Federation", held(foreign), spec), *leading(held(foreign), provider | issuer, foreign.trust_domain)]
    apply(world, told)
    foreign.run("federation", "create", *relation)
    foreign.refresh(TRUST_DOMAIN)
    return foreign


@cache
def handing_on(world: World) -> Spire:
    """The agent of `north` hands our bundle on to the worker, who has got it."""
    running, north = spire(world), federated(world, "https-web")
    north.hand_on(running.worker, WORKER, TRUST_DOMAIN)
    asked = {"socket": str(running.workload.socket), "audience": svids.WORK}
    seen = svids.eventually(lambda: svids.spiffe(world, "workload", **asked), lambda seen: TRUST_DOMAIN in seen.get("bundles", []))
    expect((seen["id"], sorted(seen["bundles"])), (north.id(WORKER), sorted([NORTH, TRUST_DOMAIN])), "who it is, and which bundles it gets")
    return running


def held(foreign: Authority) -> str:
    """The federation, and the provider of its name."""
    return f"held-{foreign.trust_domain.split('.')[0]}"


@cache
def spire(world: World) -> Spire:
    """The trust domains, and what the server is told about them once they run."""
    running = world.spire
    told = [resource("Project", "mesh", {})]
    for name, spec in (PROVIDERS | OTHERS).items():
        if of := spec["keys"].get("uploaded"):
            spec = {**spec, "keys": {"uploaded": running[of].bundle()}}
        told += leading(name, spec, spec.get("trustDomain", NORTH))
    apply(world, told)
    return running


def leading(name: str, spec: dict, domain: str) -> list[dict]:
    """A provider, and what leads from its worker to an account."""
    # Several know one trust domain, and callers say which they mean.
    named = {} if name == "south" else {"onlyNamed": True}
    match = {"sub": f"spiffe://{domain}{WORKER}"}
    return [
        resource("Provider", name, {**spec, **named, "audiences": [AUDIENCE]}),
        resource("ServiceAccount", f"mesh/{name}", {}),
        resource("Mapping", f"mesh/{name}", {"provider": name, "serviceAccount": f"mesh/{name}", "match": match}),
        resource("Grant", f"llm/mesh-{name}", {"api": "llm/gateway", "permissions": [READ, REQUEST], "to": f"mesh/{name}"}),
    ]


def apply(world: World, told: list[dict]) -> None:
    file = world.file("told.yaml", "".join(f"---\n{json.dumps(each)}\n" for each in told))
    world.accredit("apply", "-f", str(file))


def exchange(world: World, token: str, provider: str | None) -> Answer:
    named = {"identity_provider_id": provider} if provider else {}
    return world.exchange({"subject_token": token, "audience": API_AUDIENCE, **named})


def id_of(world: World, account: str) -> str:
    return json.loads(world.accredit("get", "service-account", account, "-o", "json"))["id"]


def kid(token: str) -> str:
    return json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
