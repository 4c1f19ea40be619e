"""A certificate authority that lives as long as the run, and one certificate for every name that the run dials."""

import subprocess
from pathlib import Path

AUTHORITY = """
[req]
distinguished_name = name
prompt = no
x509_extensions = authority
[name]
CN = accredit interop
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

LEAF = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""

UPSTREAM = """
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def make(folder: Path, names: tuple[str, ...]) -> None:
    """Writes `ca.pem`, `cert.pem` (leaf, then authority) and `key.pem`."""
    (folder / "ca.cnf").write_text(AUTHORITY)
    (folder / "leaf.cnf").write_text(LEAF.format(names=",".join(f"DNS:{name}" for name in names)))
    _openssl(folder, "req", "-x509", *NEW_KEY, "-config", "ca.cnf", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    _openssl(
        folder, "req", "-new", *NEW_KEY, "-config", "ca.cnf", "-subj", f"/CN={names[0]}", "-keyout", "key.pem", "-out", "leaf.csr"
    )
    issued = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "2", "-extfile", "leaf.cnf"]
    _openssl(folder, "x509", "-req", "-in", "leaf.csr", *issued, "-out", "leaf.pem")
    (folder / "cert.pem").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())
    (folder / "key.pem").chmod(0o600)


def make_upstream(folder: Path) -> None:
    """Writes `upstream.pem` (an authority, then its root) and `upstream.key`, of a company that has authorities already."""
    (folder / "root.cnf").write_text(AUTHORITY.replace("accredit interop", "a root"))
    (folder / "upstream.cnf").write_text(UPSTREAM)
    _openssl(folder, "req", "-x509", *NEW_KEY, "-config", "root.cnf", "-days", "20", "-keyout", "root.key", "-out", "root.pem")
    _openssl(folder, "req", "-new", *NEW_KEY, "-config", "root.cnf", "-subj", "/CN=upstream", "-keyout", "upstream.key", "-out", "upstream.csr")
    issued = ["-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "3", "-days", "10", "-extfile", "upstream.cnf"]
    _openssl(folder, "x509", "-req", "-in", "upstream.csr", *issued, "-out", "authority.pem")
    (folder / "upstream.pem").write_text((folder / "authority.pem").read_text() + (folder / "root.pem").read_text())
    (folder / "upstream.key").chmod(0o600)


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
