"""People log in to administer: `accredit login` with `oidc-provider`, by its pages and in a real browser."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import browser
from process import Child
from suite import case, expect, expect_match, expect_true
from world import World


@contextmanager
def begun(world: World, name: str, *arguments: str) -> Iterator[tuple[Child, Path]]:
    """`accredit login` in a home of its own, while it waits for somebody."""
    home = world.folder / f"home-{name}"
    home.mkdir()
    command = [world.binary, "login", world.admin_url, *arguments]
    with Child(f"login-{name}", command, world.folder, world.env_of(home)) as child:
        yield child, home


def said(child: Child, pattern: str) -> str:
    """Waits until its stderr has what `pattern` describes; returns the first group."""
    deadline = time.monotonic() + 20
    while not (found := re.search(pattern, child.errors())):
        expect_true(child.running() and time.monotonic() < deadline, f"`{pattern}` was not said: {child.errors()}")
        time.sleep(0.05)
    return found.group(1)


def by_pages(world: World, url: str, login: str) -> str:
    [redirect_uri] = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"]
    back = world.issuer.sign_in(url, login, redirect_uri)
    with urllib.request.urlopen(back, timeout=10) as page:
        return page.read().decode()


def by_chromium(world: World, url: str, login: str) -> str:
    return browser.visit(world.folder, world.env_of(world.folder), url, login)


def log_in(world: World, visit: Callable[[World, str, str], str], name: str) -> None:
    with begun(world, name, "--no-browser") as (child, home):
        page = visit(world, said(child, r"(http\S+/auth\S+)"), "ada")
        expect_match(page, "go back to the terminal", "the last page")
        expect(child.wait(), 0, f"the exit code (of {child.errors()!r})")
    who = json.loads(world.remotely(home, "whoami", "-o", "json").stdout)
    expect(who["name"], "people:ada", "the name")
    expect([role["role"] for role in who["roles"]], ["owner"], "the roles")
    kept = next((home / "config/accredit/contexts").iterdir())
    expect(kept.stat().st_mode & 0o777, 0o600, "the mode of what is kept")

    # What is kept renews itself: by the identity token first, by the refresh token when that has ended.
    session = json.loads(kept.read_text())
    for ended in ("token", "idToken"):
        if ended == "token":
            session["session"] |= {"token": "", "expiresAt": 0}
        else:
            session["session"]["evidence"]["idToken"] = "ended"
        kept.write_text(json.dumps(session))
        again = world.remotely(home, "status")
        expect(again.returncode, 0, f"the exit code with no {ended} (of {again.stderr!r})")
    renewed = json.loads(kept.read_text())["session"]
    expect_true(renewed["token"] and renewed["evidence"]["idToken"] != "ended", "nothing was renewed")
    renewed["evidence"] |= {"idToken": "ended", "refreshToken": "ended"}
    kept.write_text(json.dumps(session | {"session": renewed | {"token": "", "expiresAt": 0}}))
    over = world.remotely(home, "status")
    expect(over.returncode, 3, "the exit code of a session that has ended")
    expect_match(over.stderr, "session has ended", "what is said")


@case("login/code", needs=())
def code(world: World) -> None:
    """Authorization code with PKCE on a loopback port, by the provider's pages."""
    log_in(world, by_pages, "code")


@case("login/code-chromium", needs=("chromium",))
def code_in_chromium(world: World) -> None:
    """The same in a browser."""
    log_in(world, by_chromium, "chromium")


@case("login/device-chromium", needs=("chromium",))
def device(world: World) -> None:
    """A code that is entered in a browser elsewhere (RFC 8628)."""
    with begun(world, "device", "--device") as (child, home):
        user_code = said(child, r"\n  ([A-Z]{4}-[A-Z]{4})\n")
        url = said(child, r"(http\S+/device)\n")
        page = browser.visit(world.folder, world.env_of(world.folder), url, "ada", user_code)
        expect_match(page, "Sign-in Success", "the last page")
        expect(child.wait(30), 0, f"the exit code (of {child.errors()!r})")
    expect(world.remotely(home, "whoami").returncode, 0, "the exit code of whoami")


@case("login/nobody", needs=())
def nobody(world: World) -> None:
    """Who is no administrator is told a decision, and the operator why."""
    with begun(world, "nobody", "--no-browser") as (child, home):
        by_pages(world, said(child, r"(http\S+/auth\S+)"), "eve")
        expect(child.wait(), 3, f"the exit code (of {child.errors()!r})")
        decision = expect_match(child.errors(), r"dec_[0-9a-f]{32}", "what is said")
    expect_true(not (home / "config/accredit/contexts").exists(), "something is kept of a login that was refused")
    told = world.decision(decision)
    expect(told["reason"], "no-administrator-matched", "the reason")
    expect([one["mapping"] for one in told["considered"]], ["ada"], "the administrators considered")


@case("login/stolen-identity-token", needs=())
def stolen(world: World) -> None:
    """An identity token that was got for one key logs nobody in with another (its nonce names the key)."""
    with begun(world, "victim", "--no-browser") as (child, home):
        by_pages(world, said(child, r"(http\S+/auth\S+)"), "ada")
        expect(child.wait(), 0, "the exit code")
    kept = json.loads(next((home / "config/accredit/contexts").iterdir()).read_text())
    loot = world.file("loot", kept["session"]["evidence"]["idToken"])
    thief = world.folder / "home-thief"
    thief.mkdir()
    tried = world.remotely(thief, "login", world.admin_url, "--token-file", str(loot))
    expect(tried.returncode, 3, "the exit code")
    decision = expect_match(tried.stderr, r"dec_[0-9a-f]{32}", "what is said")
    expect(world.decision(decision)["reason"], "other-key", "the reason")


@case("login/another-program-on-this-machine", needs=())
def intruder(world: World) -> None:
    """Whoever comes to the loopback port without the login's state ends nothing and learns nothing."""
    with begun(world, "intruder", "--no-browser") as (child, home):
        url = said(child, r"(http\S+/auth\S+)")
        port = re.search(r"127\.0\.0\.1%3A(\d+)%2F", url).group(1)
        for query in ("code=x&state=wrong", "code=x", "error=access_denied&state=", "state=a&state=b"):
            status, _, _ = world.open(urllib.request.Request(f"http://127.0.0.1:{port}/callback?{query}"))
            expect(status, 400, f"the status of `{query}`")
        rebound = urllib.request.Request(f"http://127.0.0.1:{port}/callback?code=x", headers={"host": "evil.example"})
        expect(world.open(rebound)[0], 421, "the status of another host")
        by_pages(world, url, "ada")
        expect(child.wait(), 0, f"the exit code (of {child.errors()!r})")
