"""Trust domains of the server's own: SVIDs for jobs without an agent, judged by libraries that nobody here wrote."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.request import Request

from cases import oauth
from cases.anthropic import HELLO, client, gateway
from namespace import BUNDLE_ENDPOINT
from parts import HERE
from resources import API_AUDIENCE, READ, REQUEST, TRUST_DOMAIN, resource
from suite import case, expect, expect_match, expect_true
from world import SDKS, World

NEEDS = ("namespace", "spiffe")
# One stands under an authority of another's and signs with ECDSA; the other is its own authority and signs with RSA.
OURS, OTHER = TRUST_DOMAIN, "rsa.example.org"
# The `aud` of job tokens, which no provider of their issuer takes.
JOBS = "https://svid.accredit.example.org"
WORK = "https://work.example.org"
# The `aud` of JWT-SVIDs that our own exchange takes.
EXCHANGE = "https://exchange.example.org"
# Whoever accepts our JWT-SVIDs, knowing their issuer's name and nothing else; and the part that each is.
VERIFIERS = {"go-oidc": "oauth", "nimbus-jose-jwt": "nimbus", "pyjwt": "python"}


@case("trust-domain/bundle-{domain}", needs=NEEDS, domain=[OURS, OTHER])
def bundle(world: World, domain: str) -> None:
    """go-spiffe fetches the bundle as profile https_web has it, and finds keys for both kinds of SVIDs."""
    seen = spiffe(world, "fetch", trustDomain=domain, url=f"{issuer(world, domain)}/bundle")
    expect_true("document" in seen, f"it was refused: {seen}")
    expect_true(seen["keys"] and seen["authorities"], f"it lacks keys: {seen}")
    expect_true(seen["sequence"] > 0 and 0 < seen["hint"] <= 3600, f"sequence and hint are {seen['sequence']}, {seen['hint']}")


def in_order(bundle: str) -> dict:
    """A bundle as go-spiffe writes it, but for the order of its keys, which is no order."""
    read = json.loads(bundle)
    return {**read, "keys": sorted(read["keys"], key=json.dumps)}


@case("trust-domain/bundle-https-spiffe", needs=NEEDS)
def bundle_by_svid(world: World) -> None:
    """go-spiffe fetches it as profile https_spiffe has it: from whoever shows that X509-SVID, by the bundle that it knows."""
    endpoint = {"trustDomain": OURS, "url": f"https://{BUNDLE_ENDPOINT[0]}/bundle"}
    known, right = document(world, OURS), f"spiffe://{OURS}/accredit/bundle"
    # The endpoint listens before the trust domain is there, and has an X509-SVID within a second of its authority.
    seen = eventually(lambda: spiffe(world, "fetch", bundles={OURS: known}, endpointID=right, **endpoint), lambda seen: "document" in seen)
    by_web = spiffe(world, "fetch", trustDomain=OURS, url=f"{issuer(world, OURS)}/bundle")
    expect(in_order(seen["document"]), in_order(by_web["document"]), "the bundle")
    for why, given in {
        "another id": {"bundles": {OURS: known}, "endpointID": f"spiffe://{OURS}/other"},
        "another trust domain's authorities": {"bundles": {OURS: document(world, OTHER)}, "endpointID": right},
    }.items():
        refused = spiffe(world, "fetch", **given, **endpoint)
        expect_true("refused" in refused, f"with {why} it was believed: {refused}")


@case("trust-domain/jwt-svid-{domain}", needs=NEEDS, domain=[OURS, OTHER])
def jwt_svid(world: World, domain: str) -> None:
    """go-spiffe takes it by its own trust domain's bundle for its audience, and by nothing else."""
    token = issued(world, domain, [jwt(WORK)])[0]
    known = {domain: document(world, domain)}
    seen = spiffe(world, "jwt", bundles=known, token=token, audience=WORK)
    expect((seen.get("id"), seen.get("audience")), (id_in(domain), [WORK]), f"id and audience of {seen}")
    expect_true(0 < seen["seconds"] <= 3600, f"it ends in {seen['seconds']} s")
    other = OTHER if domain == OURS else OURS
    # B13: the other trust domain's keys, under this one's name.
    for why, given in {
        "other audience": {"bundles": known, "audience": "https://other.example.org"},
        "no bundle": {"bundles": {other: document(world, other)}, "audience": WORK},
        "another trust domain's keys": {"bundles": {domain: document(world, other)}, "audience": WORK},
    }.items():
        refused = spiffe(world, "jwt", token=token, **given)
        expect_true("refused" in refused, f"with {why} it was accepted: {refused}")


@case("trust-domain/x509-svid-{domain}", needs=NEEDS, domain=[OURS, OTHER])
def x509_svid(world: World, domain: str) -> None:
    """go-spiffe, Go's verifier of certificates and OpenSSL take it by its own trust domain's bundle alone."""
    svid = x509(world, domain)
    known, other = {domain: document(world, domain)}, {domain: document(world, OTHER if domain == OURS else OURS)}
    seen = spiffe(world, "x509", bundles=known, svid=svid.told)
    expect(seen.get("id"), id_in(domain), f"id of {seen}")
    seen = spiffe(world, "chain", trustDomain=domain, bundles=known, svid=svid.told)
    expect(seen.get("id"), id_in(domain), f"id of {seen}")
    verified = openssl(world, svid, known[domain])
    expect(verified.returncode, 0, f"`openssl verify`: {verified.stderr + verified.stdout}; exit code")
    for verb in ("x509", "chain"):
        refused = spiffe(world, verb, trustDomain=domain, bundles=other, svid=svid.told)
        expect_true("refused" in refused, f"`{verb}` accepted another trust domain's authority: {refused}")
    expect_true(openssl(world, svid, other[domain]).returncode != 0, "openssl accepted another trust domain's authority")


@case("trust-domain/tls", needs=NEEDS)
def tls(world: World) -> None:
    """Two workloads of two trust domains speak with each other where each knows the other's bundle."""
    server, caller = x509(world, OURS), x509(world, OTHER)
    known = {name: document(world, name) for name in (OURS, OTHER)}
    spoke = spiffe(world, "tls", bundles=known, svid=server.told, peer=caller.told)
    expect(spoke, {"server": id_in(OURS), "client": id_in(OTHER)}, "who spoke")
    refused = spiffe(world, "tls", bundles={OURS: known[OURS]}, svid=server.told, peer=caller.told)
    expect_true("refused" in refused, f"they spoke without the other's bundle: {refused}")


def discovered(world: World, verifier: str, domain: str) -> None:
    """By discovery alone: takes what is for it, and neither what is for another nor what another trust domain issued."""
    good, elsewhere = issued(world, domain, [jwt(WORK), jwt("https://other.example.org")])
    foreign = issued(world, OTHER if domain == OURS else OURS, [jwt(WORK)])[0]
    seen = verify(world, verifier, issuer(world, domain), [good, elsewhere, foreign])
    expect(seen[0], {"subject": id_in(domain)}, "what the verifier read")
    for why, outcome in zip(("another audience", "another trust domain"), seen[1:]):
        expect_true("refused" in outcome, f"{why}: it was accepted as {outcome}")


for name, part in VERIFIERS.items():
    case("trust-domain/{verifier}-{domain}", needs=("namespace", part), verifier=[name], domain=[OURS, OTHER])(discovered)


@case("trust-domain/{sdk}", sdk=SDKS)
def exchanged(world: World, sdk: str) -> None:
    """As the guide for SPIFFE has it: the workload's JWT-SVID is the SDK's subject token."""
    own_exchange(world)
    token = issued(world, OURS, [jwt(EXCHANGE)])[0]
    with world.workload(sdk, "svid/worker", token, provider="own-svids") as session:
        session.expect_ok()
        expect(session.end(), 0, "exit code")
    expect(world.seen()[-1]["claims"]["sub"], made(world, "service-account", "svid/worker"), "sub")


@case("trust-domain/anthropic-{sdk}", needs=("namespace",), sdk=["python", "javascript"])
def exchanged_by_anthropic(world: World, sdk: str) -> None:
    """The same with Anthropic's, whose rule is a mapping's id."""
    own_exchange(world)
    token = issued(world, OURS, [jwt(EXCHANGE)])[0]
    env = {"ANTHROPIC_FEDERATION_RULE_ID": made(world, "mapping", "svid/worker")}
    with gateway(world) as url, client(world, sdk, url, "", env, subject=token) as session:
        expect(session.call(), HELLO, "a call")
    expect(world.seen()[-1]["claims"]["sub"], made(world, "service-account", "svid/worker"), "sub")


@case("trust-domain/refusal-{why}", why=["other-domain", "other-audience", "job-token"])
def refusal(world: World, why: str) -> None:
    """L03, L08: what is no SVID of ours for us becomes no access token."""
    own_exchange(world)
    match why:
        case "other-domain":
            token = issued(world, OTHER, [jwt(EXCHANGE)])[0]
        case "other-audience":
            token = issued(world, OURS, [jwt(WORK)])[0]
        case _:
            token = world.issuer.github(audience=JOBS)
    answer = world.exchange({"subject_token": token, "audience": API_AUDIENCE})
    expect(answer.status, 400, f"status of {answer.body}")
    expect_true("access_token" not in answer.body, "a token was issued")


# === what the server is told, and asked ===


@cache
def domains(world: World) -> dict[str, str]:
    """The trust domains by name, with their ids; a cluster of each takes GitHub's jobs."""
    told = [resource("TrustDomain", OURS, {}), resource("TrustDomain", OTHER, {"jwtSigning": "RS256"})]
    attestation = {
        "issuer": world.issuer.url,
        "type": "github",
        "audiences": [JOBS],
        "requiredClaims": {"repository_id": "123", "repository_owner_id": "98"},
    }
    template = "/{{cluster.name}}/repo/{{jwt.claim.repository}}/ref/{{jwt.claim.ref}}"
    config = [
        section("WorkloadAttestation", {"jwt": {"enabled": True, "allowedIssuers": [attestation]}}),
        section("SVIDIssuancePolicy", {"policy": {"pathTemplate": template}}),
    ]
    for name, cluster in CLUSTERS.items():
        told.append(resource("Cluster", cluster, {"trustDomain": name, "config": config}))
    apply(world, told)
    made_now = {name: made(world, "trust-domain", name) for name in CLUSTERS}
    for id in made_now.values():
        await_keys(world, f"{world.server_url}/td/{id}")
    return made_now


CLUSTERS = {OURS: "build", OTHER: "build-rsa"}


def id_in(domain: str) -> str:
    """The SPIFFE ID that the job has there."""
    return f"spiffe://{domain}/{CLUSTERS[domain]}/repo/acme/web/ref/refs/heads/main"



def await_keys(world: World, issuer: str) -> None:
    """Its keys are made after it; one for RSA takes its time."""
    deadline = time.monotonic() + 20
    while not all(world.open(Request(f"{issuer}/{name}"))[0] == 200 for name in ("jwks", "bundle")):
        expect_true(time.monotonic() < deadline, f"{issuer} has no keys after 20 s")
        time.sleep(0.1)


def eventually(look: Callable[[], dict], is_there: Callable[[dict], bool]) -> dict:
    """What `look` sees once it is there."""
    deadline = time.monotonic() + 20
    while not is_there(seen := look()):
        expect_true(time.monotonic() < deadline, f"after 20 s it is still {seen}")
        time.sleep(0.2)
    return seen


@cache
def own_exchange(world: World) -> None:
    """Our own exchange takes our own SVIDs, through a provider that was made for it."""
    domains(world)
    keys = {"type": "spiffe", "trustDomain": OURS, "audiences": [EXCHANGE], "keys": {"trustDomain": OURS}}
    match = {"sub": id_in(OURS)}
    told = [
        resource("Project", "svid", {}),
        resource("Provider", "own-svids", keys),
        resource("ServiceAccount", "svid/worker", {}),
        resource("Grant", "llm/svid-worker", {"api": "llm/gateway", "permissions": [READ, REQUEST], "to": "svid/worker"}),
        resource("Mapping", "svid/worker", {"provider": "own-svids", "serviceAccount": "svid/worker", "match": match}),
    ]
    apply(world, told)


def apply(world: World, told: list[dict]) -> None:
    file = world.file("told.yaml", "".join(f"---\n{json.dumps(each)}\n" for each in told))
    world.accredit("apply", "-f", str(file))


def section(name: str, spec: dict) -> dict:
    return {"section": name, "schema": "v1", "spec": spec}


def made(world: World, kind: str, name: str) -> str:
    return json.loads(world.accredit("get", kind, name, "-o", "json"))["id"]


def issuer(world: World, domain: str) -> str:
    return f"{world.server_url}/td/{domains(world)[domain]}"


def document(world: World, domain: str) -> str:
    status, _, body = world.open(Request(f"{issuer(world, domain)}/bundle"))
    expect(status, 200, "status of the bundle")
    return body.decode()


def jwt(audience: str) -> dict:
    return {"type": "jwt", "audience": [audience]}


def issued(world: World, domain: str, wanted: list[dict]) -> list[str]:
    """What a job gets for its token."""
    domains(world)
    body = {"cluster": CLUSTERS[domain], "token": world.issuer.github(audience=JOBS), "svids": wanted}
    request = Request(f"{world.server_url}/v1/svid", json.dumps(body).encode(), {"content-type": "application/json"})
    status, _, raw = world.open(request)
    expect(status, 200, f"status of {raw.decode()}")
    answer = json.loads(raw)
    expect_match(answer["decision_id"], r"^dec_[0-9a-f]{32}$", "the decision's id")
    expect(answer["spiffe_id"], id_in(domain), "the SPIFFE ID")
    return [svid["svid"] for svid in answer["svids"]]


@dataclass(frozen=True)
class X509Svid:
    chain: str
    key: str

    @property
    def told(self) -> dict:
        return {"chain": self.chain, "key": self.key}


def x509(world: World, domain: str) -> X509Svid:
    """An X509-SVID for a key that OpenSSL made, by a request without names."""
    key = world.file("svid-key", "")
    made = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/", "-keyout", key]
    csr = subprocess.run(made, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    chain = issued(world, domain, [{"type": "x509", "csr": csr}])[0]
    return X509Svid(chain, key.read_text())


# === who judges ===


def spiffe(world: World, verb: str, **options) -> dict:
    """Runs go-spiffe to its end; what it printed."""
    command = [world.parts.spiffe / "spiffe", verb, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, env=world.env_of(world.folder), stdin=subprocess.DEVNULL, timeout=60)
    expect(done.returncode, 0, f"`spiffe {verb}`: {done.stderr[-1000:]}; exit code")
    return json.loads(done.stdout)


def openssl(world: World, svid: X509Svid, bundle: str) -> subprocess.CompletedProcess:
    """Verifies the leaf by the bundle's authorities, with what the chain has between them, for both ends of TLS."""
    pem = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
    roots = [pem.format(key["x5c"][0]) for key in json.loads(bundle)["keys"] if key["use"] == "x509-svid"]
    end = "-----END CERTIFICATE-----\n"
    leaf, *between = [part + end for part in svid.chain.split(end) if part.strip()]
    authorities, leaf = world.file("authorities", "".join(roots)), world.file("leaf", leaf)
    untrusted = ["-untrusted", world.file("between", "".join(between))] if between else []
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authorities, *untrusted, leaf]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def verify(world: World, verifier: str, issuer: str, tokens: list[str]) -> list[dict]:
    if verifier == "go-oidc":
        seen = [oauth.run(world, "verify", issuer=issuer, audience=WORK, token=token) for token in tokens]
        return [{"subject": each["subject"]} if "subject" in each else {"refused": each["printed"]} for each in seen]
    command = {
        "nimbus-jose-jwt": ["java", "-cp", world.parts.nimbus, HERE / "java" / "Verify.java"],
        "pyjwt": [world.parts.vendors, HERE / "python" / "pyjwt_verifier.py"],
    }[verifier]
    lines = "".join(f"{token}\n" for token in tokens)
    done = subprocess.run(
        [*command, world.authority, issuer, WORK], input=lines, capture_output=True, text=True, env=world.env_of(world.folder), timeout=60
    )
    expect(done.returncode, 0, f"{verifier}: {done.stderr[-1500:]}; exit code")
    return [json.loads(line) for line in done.stdout.splitlines()]
