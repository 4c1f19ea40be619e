"""The cases, one file a group; importing a file registers what is in it, in this order."""

import sys
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
    "watching",
    "dashboard",
]

# Written, and waiting for what the server does not do yet or for parts that nobody has seen at work. `--only` runs them.
WAITING = {
    "spire": "a build of SPIRE that was seen to work",
}

asked = [group for group in WAITING if any(group.replace("_", "-") in argument for argument in sys.argv)]
for group in [*GROUPS, *asked]:
    import_module(f"cases.{group}")
