"""What a workload in a cloud finds around it: Google's metadata service, GitHub's token endpoint, AWS' token service.

argv[1]: {"metadata": ADDRESS, "cloud": "aws" | "gcp" | "none", "tokens": {"github", "gcp"}}. Says {"port": N} of the services that need no fixed
address. AWS' token service verifies signatures with botocore's own signer.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID, SECRET, SESSION = "ASIAACCREDITEXAMPLE1", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLE+TOKEN/=="
ACCOUNT, ROLE, ROLE_ID, INSTANCE = "123456789012", "web", "AROAACCREDITEXAMPLE12", "i-0123456789abcdef0"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

OPTIONS = json.loads(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/github":
            return self.say(200, json.dumps({"count": 1, "value": OPTIONS["tokens"]["github"]}), "application/json")
        if OPTIONS["cloud"] == "gcp" and path.startswith("/computeMetadata/v1/"):
            found = OPTIONS["tokens"]["gcp"] if path.endswith("/identity") else "[]"
            return self.say(200, found, "text/plain", {"Metadata-Flavor": "Google"})
        self.say(404, "", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fault = self.judged(body)
        if fault:
            xml = f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{fault}</Code><Message>no</Message></Error></ErrorResponse>'
            return self.say(403, xml, "text/xml")
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}"
        result = f"<Arn>{arn}</Arn><UserId>{ROLE_ID}:{INSTANCE}</UserId><Account>{ACCOUNT}</Account>"
        self.say(
            200,
            f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>{result}</GetCallerIdentityResult>'
            "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
            "text/xml",
        )

    def judged(self, body: bytes) -> str | None:
        """What is wrong with a signed request, if anything is."""
        scope, names, signature = (part.split("=", 1)[1] for part in self.headers["authorization"].split(", "))
        key_id, _day, region, service, _end = scope.split("/")
        if key_id != KEY_ID or self.headers["x-amz-security-token"] != SESSION:
            return "InvalidClientTokenId"
        signed = {name: self.headers[name] for name in names.split(";")}
        request = AWSRequest("POST", f"https://{self.headers['host']}{self.path}", data=body, headers=signed)
        request.context["timestamp"] = self.headers["x-amz-date"]
        signer = SigV4Auth(Credentials(KEY_ID, SECRET, SESSION), service, region)
        expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return None if expected == signature else "SignatureDoesNotMatch"

    def say(self, status: int, body: str, kind: str, more: dict | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, text: str, *arguments) -> None:
        print(text % arguments, file=sys.stderr, flush=True)


def main() -> None:
    ThreadingHTTPServer.allow_reuse_address = True
    services = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if OPTIONS["cloud"] == "gcp":
        metadata = ThreadingHTTPServer((OPTIONS["metadata"], 80), Handler)
        threading.Thread(target=metadata.serve_forever, daemon=True).start()
    threading.Thread(target=services.serve_forever, daemon=True).start()
    print(json.dumps({"port": services.server_port}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
