"""A real browser, headless, driven by `playwright-core` in node/browser.mjs."""

import json
import os
import shutil
import subprocess
from pathlib import Path


def program() -> str | None:
    """What `CHROMIUM` names, else the one on the search path."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def visit(folder: Path, env: dict[str, str], url: str, login: str, code: str = "") -> str:
    """Opens `url`, logs in as `login`, enters `code` where one is wanted, agrees to everything; what the last page says."""
    options = {"executablePath": program(), "url": url, "login": login, "code": code}
    command = ["node", "node/browser.mjs", json.dumps(options)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=90)
    if done.returncode != 0:
        raise RuntimeError(f"the browser failed: {done.stderr.strip()}")
    return done.stdout.strip()
