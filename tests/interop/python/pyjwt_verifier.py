"""PyJWT as the owner of an API uses it, who knows the issuer's name and nothing else.

argv: authority, issuer, audience; a token a line on stdin, and each answers a line of JSON.
"""

import json
import ssl
import sys
import urllib.request

import jwt


def main() -> None:
    authority, issuer, audience = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", context=context, timeout=10) as answer:
        document = json.load(answer)
    if document["issuer"] != issuer:
        raise SystemExit(f"the document is {document['issuer']}'s")
    keys = jwt.PyJWKClient(document["jwks_uri"], ssl_context=context)
    algorithms = document["id_token_signing_alg_values_supported"]
    for line in sys.stdin:
        print(json.dumps(outcome(line.strip(), keys, algorithms, issuer, audience)), flush=True)


def outcome(token: str, keys: jwt.PyJWKClient, algorithms: list[str], issuer: str, audience: str) -> dict:
    options = {"require": ["exp", "iat", "iss", "sub", "aud"]}
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=algorithms, audience=audience, issuer=issuer, options=options)
        return {"subject": claims["sub"]}
    except jwt.PyJWTError as refusal:
        return {"refused": f"{type(refusal).__name__}: {refusal}"}


if __name__ == "__main__":
    main()
