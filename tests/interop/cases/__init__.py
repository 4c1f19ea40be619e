"""The cases, one file a group; importing a file registers what is in it, in this order."""

from importlib import import_module

GROUPS = [
    "issuer",
    "shapes",
    "workload",
    "api_key",
    "refresh",
    "failed_refresh",
    "refusal",
    "login",
    "spiral",
    "admin_api",
    "anthropic",
    "entra",
    "oauth",
    "dpop",
    "kubernetes",
    "trust_domain",
    "spire",
    "watching",
    "dashboard",
]

for group in GROUPS:
    import_module(f"cases.{group}")
