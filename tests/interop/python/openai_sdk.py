"""The OpenAI SDK for Python, as anyone would use it; driven by lines on stdin.

argv[1]: {"identityProvider", "serviceAccount", "subjectTokenFile", "tokenType", "refreshBufferSeconds"?, "baseUrl"?} or
{"apiKeyFile", "baseUrl"?}. Says {"ready": true} when the client is made; then each line on stdin names a call, and each call
answers one line of JSON.
"""

import json
import sys
from pathlib import Path

from openai import OAuthError, OpenAI, OpenAIError
from openai.auth import k8s_service_account_token_provider

CALLS = {
    "models": lambda client: client.models.list(),
    "chat": lambda client: client.chat.completions.create(model="interop", messages=[{"role": "user", "content": "hello"}]),
    "responses": lambda client: client.responses.create(model="interop", input="hello"),
    "refused-once": lambda client: client.models.retrieve("refused-once"),
}


def main() -> None:
    options = json.loads(sys.argv[1])
    client = with_key(options) if "apiKeyFile" in options else with_identity(options)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(outcome(CALLS[line.strip()], client)), flush=True)


def with_key(options: dict) -> OpenAI:
    return OpenAI(api_key=lambda: Path(options["apiKeyFile"]).read_text().strip(), base_url=options.get("baseUrl"))


def with_identity(options: dict) -> OpenAI:
    identity = {
        "identity_provider_id": options["identityProvider"],
        "service_account_id": options["serviceAccount"],
        "provider": subject(options),
    }
    if "refreshBufferSeconds" in options:
        identity["refresh_buffer_seconds"] = options["refreshBufferSeconds"]
    return OpenAI(workload_identity=identity, base_url=options.get("baseUrl"))


def subject(options: dict) -> dict:
    path = options["subjectTokenFile"]
    if options["tokenType"] == "jwt":
        return k8s_service_account_token_provider(path)
    return {"token_type": options["tokenType"], "get_token": lambda: Path(path).read_text().strip()}


def outcome(call, client: OpenAI) -> dict:
    try:
        call(client)
        return {"ok": True}
    except OpenAIError as error:
        print(error, file=sys.stderr, flush=True)
        return {
            "ok": False,
            "type": type(error).__name__,
            "oauth": isinstance(error, OAuthError),
            "code": getattr(error, "error", None) or getattr(error, "code", None),
            "status": getattr(error, "status_code", None),
            "message": str(error),
            "requestId": getattr(error, "request_id", None),
        }


if __name__ == "__main__":
    main()
