"""Two clusters of Kubernetes that call themselves the same issuer: real API servers over one etcd, without nodes or controllers."""

import json
import secrets
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import ExitStack
from pathlib import Path

from namespace import CLUSTERS
from process import Child

ISSUER = "https://kubernetes.default.svc"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Clusters:
    """Use as a context manager; `clusters["east"]` is one of them."""

    def __init__(self, programs: Path, folder: Path, env: dict[str, str]) -> None:
        self.programs, self.folder, self._env = programs, folder, env
        self._stack = ExitStack()

    def __enter__(self) -> "Clusters":
        try:
            etcd = self._start_etcd()
            # All at once: each needs seconds to get ready.
            self._clusters = {name: self._start(name, etcd) for name in CLUSTERS}
            for cluster in self._clusters.values():
                cluster.await_ready()
                cluster.lay_out()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> "Cluster":
        return self._clusters[name]

    def _start_etcd(self) -> str:
        # The network is the run's own, so that the usual ports are free.
        url, peers = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
        options = {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
        self._stack.enter_context(Child("etcd", [self.programs / "etcd", *flags(options)], self.folder, self._env))
        return url

    def _start(self, name: str, etcd: str) -> "Cluster":
        folder = self.folder / name
        folder.mkdir()
        key, admin = folder / "service-accounts.key", secrets.token_hex(16)
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (folder / "tokens.csv").write_text(f"{admin},admin,admin,system:masters\n")
        host, address = CLUSTERS[name]
        options = {
            "etcd-servers": etcd,
            "etcd-prefix": f"/{name}",
            "bind-address": address,
            "secure-port": "443",
            "tls-cert-file": self.folder / "cert.pem",
            "tls-private-key-file": self.folder / "key.pem",
            "cert-dir": folder,
            # Loopback cannot be advertised, and nobody asks.
            "advertise-address": "192.0.2.1",
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": "10.0.0.0/24",
            "authorization-mode": "RBAC",
            "token-auth-file": folder / "tokens.csv",
            "service-account-issuer": ISSUER,
            "service-account-signing-key-file": key,
            "service-account-key-file": key,
            "service-account-jwks-uri": f"https://{host}/openid/v1/jwks",
            "api-audiences": ISSUER,
        }
        child = Child(name, [self.programs / "kube-apiserver", *flags(options)], self.folder, self._env)
        self._stack.enter_context(child)
        return Cluster(host, admin, key, self.folder / "ca.pem", child)


class Cluster:
    """One cluster, as its administrator has it."""

    def __init__(self, host: str, admin: str, key: Path, authority: Path, child: Child) -> None:
        self.url = f"https://{host}"
        self._admin, self._key, self._child = admin, key, child
        self._tls = ssl.create_default_context(cafile=authority)

    def await_ready(self, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            if not self._child.running() or time.monotonic() > deadline:
                raise RuntimeError(f"{self.url} did not get ready:\n{self._child.errors()[-3000:]}")
            time.sleep(0.1)

    def lay_out(self) -> None:
        """The issuer's documents for everybody, a node, and `worker` with a pod in two namespaces."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"}
        everybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}
        self.make(f"{RBAC}/clusterrolebindings", "issuer-for-everybody", roleRef=role, subjects=[everybody])
        self.make("/api/v1/nodes", "node-1")
        for namespace in ("ml", "other"):
            self.make("/api/v1/namespaces", namespace)
            self.make_account(namespace, "worker")
            self.make_pod(namespace, "worker-0")

    def make_account(self, namespace: str, name: str) -> str:
        """Makes a service account; returns its uid."""
        return self.make(f"/api/v1/namespaces/{namespace}/serviceaccounts", name)["metadata"]["uid"]

    def make_pod(self, namespace: str, name: str) -> None:
        """A pod of `worker`, that stands as if it were scheduled."""
        containers = [{"name": "main", "image": "example.org/worker"}]
        spec = {"serviceAccountName": "worker", "nodeName": "node-1", "containers": containers}
        self.make(f"/api/v1/namespaces/{namespace}/pods", name, spec=spec)

    def account_uid(self, namespace: str = "ml", name: str = "worker") -> str:
        return self._call("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")["metadata"]["uid"]

    def make(self, path: str, name: str, **more) -> dict:
        return self._call("POST", path, {"metadata": {"name": name}, **more})

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def token(self, audience: str, namespace: str = "ml", account: str = "worker", pod: str | None = "worker-0") -> str:
        """What the kubelet projects into a pod, by a TokenRequest bound to it; an hour long."""
        spec = {"audiences": [audience], "expirationSeconds": 3600}
        if pod:
            uid = self._call("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}")["metadata"]["uid"]
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
        made = self._call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {"spec": spec})
        return made["status"]["token"]

    def aged(self, token: str, seconds: int) -> str:
        """The token as if it had been made so much earlier, signed with the cluster's key: none of its own ends within ten minutes."""
        header, payload, _ = token.split(".")
        claims = read(payload)
        for name in ("iat", "nbf", "exp"):
            claims[name] -= seconds
        signed = f"{header}.{encode(json.dumps(claims).encode())}"
        command = ["openssl", "dgst", "-sha256", "-sign", self._key]
        return f"{signed}.{encode(subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout)}"

    def jwks(self) -> str:
        """As `kubectl get --raw /openid/v1/jwks` prints it."""
        return json.dumps(self._call("GET", "/openid/v1/jwks"))

    def _is_ready(self) -> bool:
        try:
            with self._open("GET", "/readyz", None) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _call(self, method: str, path: str, body: dict | None = None) -> dict:
        try:
            with self._open(method, path, body) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{method} {self.url}{path}: {error.code} {error.read().decode()[:500]}") from None

    def _open(self, method: str, path: str, body: dict | None):
        headers = {"authorization": f"Bearer {self._admin}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        return urllib.request.urlopen(request, timeout=30, context=self._tls)


def claims(token: str) -> dict:
    return read(token.split(".")[1])


def read(part: str) -> dict:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def flags(options: dict) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
