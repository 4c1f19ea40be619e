"""A network of the run's own, in which the names that the SDKs insist on are this machine's loopback.

`command` starts the run again inside new network and mount namespaces (and a user namespace, where we are not root);
`enter` is called there first. Nothing outside can be reached from inside.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

# Two addresses, since both names are dialled on port 443.
SERVER_ADDRESS = "127.0.0.1"
API_ADDRESS = "127.0.0.2"
SERVER_NAMES = ("accredit.example.org", "auth.openai.com")
# Where clouds have their metadata services.
METADATA_ADDRESS = "169.254.169.254"
API_NAMES = ("api.openai.com", "llm.example.org")
# Clusters of Kubernetes: under which name the API server of each is reached, and where it listens.
CLUSTERS = {"east": ("east.example.org", "127.0.0.3"), "west": ("west.example.org", "127.0.0.4")}
# Trust domains of SPIRE: the name of each is that of its bundle endpoint too; and where its server listens.
TRUST_DOMAINS = {"north": ("north.example.org", "127.0.0.5"), "south": ("south.example.org", "127.0.0.6")}
# Who publishes the keys of `north` as an OpenID provider does.
DISCOVERY_PROVIDER = ("oidc.north.example.org", "127.0.0.7")
# Where a trust domain of ours serves its bundle under an X509-SVID.
BUNDLE_ENDPOINT = ("bundle.acme.example.org", "127.0.0.8")

HOSTS = f"""127.0.0.1 localhost
{SERVER_ADDRESS} {" ".join(SERVER_NAMES)}
{API_ADDRESS} {" ".join(API_NAMES)}
{METADATA_ADDRESS} metadata.google.internal
{"".join(f"{address} {name}{chr(10)}" for name, address in [*CLUSTERS.values(), *TRUST_DOMAINS.values(), DISCOVERY_PROVIDER, BUNDLE_ENDPOINT])}"""

# From linux/sockios.h and linux/if.h.
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8913, 0x8914, 0x8916, 0x1


def missing() -> str | None:
    """Why no namespace can be made here; `None` when it can."""
    for program in ("unshare", "mount", "openssl"):
        if shutil.which(program) is None:
            return f"`{program}` is not installed"
    probe = subprocess.run(
        command(["sh", "-c", "mount --bind /etc/hosts /etc/hosts"]), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return None if probe.returncode == 0 else f"no namespaces: {probe.stderr.strip()}"


def command(inside: list) -> list:
    """The command that runs `inside` in new namespaces."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--", *inside]


def enter(folder: Path) -> None:
    """Brings loopback up and lays our /etc/hosts over the machine's; both are seen in these namespaces alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(METADATA_ADDRESS))
        fcntl.ioctl(any_socket, SIOCSIFADDR, address)
    hosts = folder / "hosts"
    hosts.write_text(HOSTS)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
