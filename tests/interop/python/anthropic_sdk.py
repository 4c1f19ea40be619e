"""Anthropic's SDK for Python, told by its environment alone; driven by lines on stdin.

Says {"ready": true} when the client is made; then each line on stdin is a model, and each answers one line of JSON.
"""

import json
import sys

from anthropic import Anthropic, AnthropicError


def main() -> None:
    client = Anthropic(max_retries=1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(outcome(client, line.strip())), flush=True)


def outcome(client: Anthropic, model: str) -> dict:
    try:
        said = client.messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": "hello"}])
        return {"ok": True, "said": said.content[0].text}
    except AnthropicError as error:
        print(error, file=sys.stderr, flush=True)
        status, request = getattr(error, "status_code", None), getattr(error, "request_id", None)
        return {"ok": False, "status": status, "requestId": request, "message": str(error)}


if __name__ == "__main__":
    main()
