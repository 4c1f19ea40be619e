"""Subject tokens: those that the issuer makes by itself, and others' shapes signed with its keys."""

import hashlib
import http.cookiejar
import json
import secrets
import time
import urllib.parse
import urllib.request
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass

from resources import AUDIENCE, PLATFORM_AUDIENCE, WORKER

REDIRECT = "http://127.0.0.1/callback"
CLIENT_SECRET = "not-secret-in-a-test"


@dataclass(frozen=True)
class Issuer:
    """The running `oidc-provider` of node/issuer.mjs."""

    url: str
    signer: str

    # === by its own token endpoint ===

    def client_credentials(self, client: str = "batch", audience: str = PLATFORM_AUDIENCE) -> str:
        """A JWT for `audience`, an hour long, by the client credentials grant with a resource indicator (RFC 8707)."""
        basic = b64encode(f"{client}:{CLIENT_SECRET}".encode()).decode()
        form = {"grant_type": "client_credentials", "resource": audience}
        return self._post(f"{self.url}/token", form, {"authorization": f"Basic {basic}"})["access_token"]

    def id_token(self, login: str) -> str:
        """An ID token, by the authorization code grant with PKCE, through the provider's own login and consent pages."""
        verifier = secrets.token_urlsafe(32)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        request = {
            "client_id": PLATFORM_AUDIENCE,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": REDIRECT,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = self.sign_in(f"{self.url}/auth?{urllib.parse.urlencode(request)}", login, REDIRECT)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier}
        return self._post(f"{self.url}/token", {**form, "client_id": PLATFORM_AUDIENCE}, {})["id_token"]

    def jwks(self) -> dict:
        """The provider's key set, as it publishes it."""
        with urllib.request.urlopen(f"{self.url}/jwks", timeout=10) as response:
            return json.load(response)

    # === others' shapes, signed with its keys ===

    def github(self, *, immutable: bool = False, audience: str = AUDIENCE, ref: str = "refs/heads/main", age: int = 0) -> str:
        """As GitHub Actions: five minutes long, every claim a text; `age` seconds old. Since 2026-07-15 `sub` bears ids."""
        now = int(time.time()) - age
        repository = "acme@98/web@123" if immutable else "acme/web"
        claims = {
            "aud": audience,
            "iss": self.url,
            "sub": f"repo:{repository}:ref:{ref}",
            "jti": secrets.token_hex(16),
            "iat": now,
            "nbf": now - 600,
            "exp": now + 300,
            "actor": "octocat",
            "actor_id": "583231",
            "base_ref": "",
            "head_ref": "",
            "event_name": "push",
            "job_workflow_ref": f"acme/web/.github/workflows/deploy.yml@{ref}",
            "job_workflow_sha": "9b0a",
            "ref": ref,
            "ref_protected": "true",
            "ref_type": "branch",
            "repository": "acme/web",
            "repository_id": "123",
            "repository_owner": "acme",
            "repository_owner_id": "98",
            "repository_visibility": "private",
            "run_attempt": "1",
            "run_id": "9001",
            "run_number": "17",
            "runner_environment": "github-hosted",
            "sha": "9b0a",
            "workflow": "deploy",
            "workflow_ref": f"acme/web/.github/workflows/deploy.yml@{ref}",
            "workflow_sha": "9b0a",
        }
        return self.sign(claims, "RS256")

    def spire(self, *, issuer: str | None = None, audience: str = AUDIENCE) -> str:
        """As SPIRE's JWT-SVIDs: ES256, an array of one audience, no `jti`, `iss` only where the server is given one."""
        now = int(time.time())
        claims = {"aud": [audience], "sub": WORKER, "iat": now, "exp": now + 300}
        return self.sign({**claims, "iss": issuer} if issuer else claims, "ES256")

    def platform(self, *, seconds: int = 300, sub: str = "batch") -> str:
        """As `client_credentials`, but over in `seconds`, or somebody else's."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": PLATFORM_AUDIENCE, "sub": sub, "iat": now, "exp": now + seconds}
        return self.sign(claims, "RS256")

    def sign(self, claims: dict, alg: str, typ: str = "JWT") -> str:
        request = urllib.request.Request(self.signer, json.dumps({"claims": claims, "alg": alg, "typ": typ}).encode())
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()

    def _post(self, url: str, form: dict, headers: dict) -> dict:
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def sign_in(self, url: str, login: str, until: str) -> str:
        """Walks the provider's pages as a browser would, until it redirects to a URL that begins with `until`; returns that."""
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        browser = urllib.request.build_opener(jar, StayHere())
        form = None
        for _ in range(12):
            response = browser.open(url, form, timeout=10)
            if "location" in response.headers:
                url, form = urllib.parse.urljoin(url, response.headers["location"]), None
                if url.startswith(until):
                    return url
            elif 'name="login"' in response.read().decode():
                form = urllib.parse.urlencode({"prompt": "login", "login": login, "password": "any"}).encode()
            else:
                form = b"prompt=consent"
        raise RuntimeError(f"{self.url} did not come back; it is at {url}")


class StayHere(urllib.request.HTTPErrorProcessor):
    """Hands every answer over as it is: redirects are ours to follow."""

    def http_response(self, _request, response):
        return response
